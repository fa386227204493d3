//! Pictures and volumes that are not read, told by their first bytes, so that a refusal can name them.

/// What kind of picture or volume starts here, of those that are not read.
pub(crate) fn other_image(start: &[u8]) -> Option<&'static str> {
    let magics: [(&[u8], &str); 13] = [
        (b"NRRD", "a NRRD volume"),
        (b"ObjectType", "a MetaImage volume"),
        (b"NDims", "a MetaImage volume"),
        (b"\x89HDF\r\n\x1A\n", "an HDF5 file"),
        (b"MATLAB 5.0", "a MATLAB file"),
        (b"CDF\x01", "a NetCDF file"),
        (b"CDF\x02", "a NetCDF file"),
        (b"\x93NUMPY", "a NumPy array"),
        (b"\x89PNG\r\n", "a PNG picture"),
        (b"\xFF\xD8\xFF", "a JPEG picture"),
        (b"II*\0", "a TIFF picture"),
        (b"MM\0*", "a TIFF picture"),
        (b"%PDF-", "a PDF document"),
    ];
    magics
        .iter()
        .find(|(magic, _)| start.starts_with(magic))
        .map(|(_, what)| *what)
        .or_else(|| {
            is_analyze(start).then_some("an Analyze 7.5 volume, which does not say which side is which")
        })
}

/// The header of NIfTI's forerunner: its own length, and the letter for regular volumes, without NIfTI's mark.
fn is_analyze(start: &[u8]) -> bool {
    const LENGTH: usize = 348;
    let size = start.first_chunk::<4>().copied().unwrap_or_default();
    let is_length = [i32::from_le_bytes(size), i32::from_be_bytes(size)].contains(&(LENGTH as i32));
    is_length && start.len() >= LENGTH && start[38] == b'r'
}

#[cfg(test)]
mod tests {
    use super::other_image;

    #[test]
    fn each_is_named_and_dicom_and_texts_are_not() {
        let mut analyze = vec![0; 348];
        analyze[..4].copy_from_slice(&348i32.to_le_bytes());
        analyze[38] = b'r';
        for (start, named) in [
            (&b"NRRD0004\ntype: short"[..], "NRRD"),
            (b"ObjectType = Image\nNDims = 3", "MetaImage"),
            (b"\x93NUMPY\x01\0", "NumPy"),
            (b"\x89PNG\r\n\x1A\n", "PNG"),
            (b"\xFF\xD8\xFF\xE0", "JPEG"),
            (&analyze, "Analyze"),
        ] {
            assert!(
                other_image(start).is_some_and(|what| what.contains(named)),
                "{named}"
            );
        }
        let dicom = [vec![0; 128], b"DICM".to_vec()].concat();
        for start in [&b""[..], b"readme", b"NR", &dicom, &analyze[..200]] {
            assert_eq!(other_image(start), None);
        }
    }
}
