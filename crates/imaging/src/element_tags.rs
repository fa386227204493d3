//! Which elements are kept, and which value representations have which length field.

/// VRs with a 16-bit length (PS3.5 table 7.1-2). All others, also those not yet invented, have a 32-bit one.
pub fn is_short(vr: [u8; 2]) -> bool {
    matches!(
        &vr,
        b"AE"
            | b"AS"
            | b"AT"
            | b"CS"
            | b"DA"
            | b"DS"
            | b"DT"
            | b"FL"
            | b"FD"
            | b"IS"
            | b"LO"
            | b"LT"
            | b"PN"
            | b"SH"
            | b"SL"
            | b"SS"
            | b"ST"
            | b"TM"
            | b"UI"
            | b"UL"
            | b"US"
    )
}

/// Sequences of the functional groups of enhanced objects (PS3.3 C.7.6.16), and the modality table.
pub(crate) fn is_wanted_sequence(tag: u32) -> bool {
    matches!(
        tag,
        0x5200_9229
            | 0x5200_9230
            | 0x0020_9113
            | 0x0020_9116
            | 0x0020_9111
            | 0x0028_9110
            | 0x0028_9145
            | 0x0018_9314
            | 0x0018_9329
            | 0x0018_9341
            | 0x0018_9118
            | 0x0020_9310
            | 0x0028_3000
    )
}

/// The elements that [`crate::dicom_header`] reads.
pub(crate) fn is_wanted(tag: u32) -> bool {
    is_wanted_sequence(tag)
        || matches!(
            tag,
            0x0002_0002
                | 0x0002_0010
                | 0x0008_0005
                | 0x0008_0008
                | 0x0008_0016
                | 0x0008_0018
                | 0x0008_0020
                | 0x0008_0021
                | 0x0008_0022
                | 0x0008_0023
                | 0x0008_002A
                | 0x0008_0030
                | 0x0008_0032
                | 0x0008_0033
                | 0x0008_0050
                | 0x0008_0060
                | 0x0008_0070
                | 0x0008_0080
                | 0x0008_0090
                | 0x0008_1030
                | 0x0008_103E
                | 0x0008_1090
                | 0x0008_9007
                | 0x0010_0010
                | 0x0010_0020
                | 0x0010_0021
                | 0x0010_0030
                | 0x0010_0040
                | 0x0010_1010
                | 0x0012_0062
                | 0x0018_0010
                | 0x0018_0015
                | 0x0018_0050
                | 0x0018_0060
                | 0x0018_0088
                | 0x0018_1030
                | 0x0018_1060
                | 0x0018_1164
                | 0x0018_1210
                | 0x0018_9074
                | 0x0018_9151
                | 0x0018_9315
                | 0x0020_000D
                | 0x0020_000E
                | 0x0020_0010
                | 0x0020_0011
                | 0x0020_0012
                | 0x0020_0013
                | 0x0020_0032
                | 0x0020_0037
                | 0x0020_0052
                | 0x0020_0100
                | 0x0020_9056
                | 0x0020_9128
                | 0x0020_9156
                | 0x0020_9157
                | 0x0020_9241
                | 0x0020_930D
                | 0x0028_0002
                | 0x0028_0004
                | 0x0028_0008
                | 0x0028_0010
                | 0x0028_0011
                | 0x0028_0030
                | 0x0028_0100
                | 0x0028_0101
                | 0x0028_0102
                | 0x0028_0103
                | 0x0028_0120
                | 0x0028_0121
                | 0x0028_1052
                | 0x0028_1053
                | 0x0028_1054
        )
}
