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
    let magics: [(&[u8], &str); 5] = [
        (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
        (b"Rar!\x1A\x07", "a rar archive"),
        (b"BZh", "a bzip2 file"),
        (b"\xFD7zXZ\0", "an xz file"),
        (b"\x28\xB5\x2F\xFD", "a zstd file"),
    ];
    magics
        .into_iter()
        .find(|(magic, _)| start.starts_with(magic))
        .map(|(_, what)| what)
}
