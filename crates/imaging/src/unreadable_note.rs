//! The note that an extracted study carries about files of its upload that could not be read.

use std::io::{self, Write};

/// The note's name in the archive.
pub(crate) const UNREADABLE_NOTE_FILE: &str = "unreadable.txt";
const UNREADABLE_NOTE: &str = "norma-unreadable-files: ";

pub(crate) fn write_unreadable_note(out: &mut dyn Write, count: usize) -> io::Result<()> {
    write!(out, "{UNREADABLE_NOTE}{count}")
}

/// The number in a note; None for any other file. One that somebody else wrote can only raise doubt.
pub(crate) fn read_unreadable_note(start: &[u8]) -> Option<usize> {
    let number = start.strip_prefix(UNREADABLE_NOTE.as_bytes())?;
    std::str::from_utf8(number).ok()?.trim().parse().ok()
}
