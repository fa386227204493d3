//! Archives that are not read, told by their first bytes.

/// Whether a tar archive starts here: its first header is its own checksum (pax, POSIX.1; older ones name no format).
fn is_tar(start: &[u8]) -> bool {
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    if start.get(257..262) == Some(b"ustar") {
        return true;
    }
    let Some(header) = start.get(..512) else {
        return false;
    };
    let digits: Vec<u8> = header[CHECKSUM]
        .iter()
        .copied()
        .filter(u8::is_ascii_digit)
        .collect();
    let stated = std::str::from_utf8(&digits)
        .ok()
        .and_then(|digits| u32::from_str_radix(digits, 8).ok());
    let is_blank = |place: usize| CHECKSUM.contains(&place);
    let sum = header
        .iter()
        .enumerate()
        .map(|(place, byte)| if is_blank(place) { 32 } else { u32::from(*byte) })
        .sum();
    stated == Some(sum)
}

/// What kind of archive starts here, of those that are not read.
pub(crate) fn other_archive(start: &[u8]) -> Option<&'static str> {
    if is_tar(start) {
        return Some("a tar archive");
    }
    by_magic(
        start,
        &[
            (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
            (b"Rar!\x1A\x07", "a rar archive"),
            (b"BZh", "a bzip2 file"),
            (b"\xFD7zXZ\0", "an xz file"),
            (b"\x28\xB5\x2F\xFD", "a zstd file"),
            (
                b"PK\x07\x08PK\x03\x04",
                "one part of a zip archive that was split",
            ),
        ],
    )
}

fn by_magic(start: &[u8], magics: &[(&[u8], &'static str)]) -> Option<&'static str> {
    magics
        .iter()
        .find(|(magic, _)| start.starts_with(magic))
        .map(|(_, what)| *what)
}

/// A disc image is told by what stands in its sixteenth sector (ECMA-119), one of macOS by its end.
pub(crate) const SEPARATE_BYTES: u64 = 0x8001 + 5;

/// What kind of archive or disc image a file is that was sent by itself, by its first and its last bytes. On a disc such files
/// are those of a viewer.
pub(crate) fn separate_archive(start: &[u8], last: &[u8]) -> Option<&'static str> {
    const TRAILER_BYTES: usize = 512;
    const LONGEST_ARJ_HEADER: u16 = 2600;
    let trailer = last
        .len()
        .checked_sub(TRAILER_BYTES)
        .and_then(|at| last.get(at..at + 4));
    if trailer == Some(b"koly") || matches!(start.get(0x8001..0x8006), Some(b"CD001" | b"BEA01")) {
        return Some("the image of a disc");
    }
    if start.get(2..5) == Some(b"-lh") && start.get(6) == Some(&b'-') {
        return Some("an lzh archive");
    }
    if let [0x60, 0xEA, low, high, ..] = start
        && (1..=LONGEST_ARJ_HEADER).contains(&u16::from_le_bytes([*low, *high]))
    {
        return Some("an arj archive");
    }
    by_magic(
        start,
        &[
            (b"MSCF\0\0\0\0", "a cab archive"),
            (b"070701", "a cpio archive"),
            (b"070707", "a cpio archive"),
            (b"\x04\x22\x4D\x18", "an lz4 file"),
        ],
    )
}
