//! The central directory of a zip archive (APPNOTE.TXT 4.3.12 to 4.3.16), read as it stands.
//!
//! What an archive holds is what its directory holds. Counts beside it may wrap: archives of a Mac with more than
//! 65,535 files say how many modulo 65,536. Whatever else contradicts the directory is refused: of an archive that
//! says two things nobody knows which one is whole.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::blob::RegionReader;
use crate::error::ImagingError;

const END_RECORD: [u8; 4] = *b"PK\x05\x06";
const END_RECORD_BYTES: u64 = 22;
const ZIP64_LOCATOR: [u8; 4] = *b"PK\x06\x07";
const ZIP64_LOCATOR_BYTES: u64 = 20;
const ZIP64_END_RECORD: [u8; 4] = *b"PK\x06\x06";
const ZIP64_END_RECORD_BYTES: u64 = 56;
const DIRECTORY_ENTRY: [u8; 4] = *b"PK\x01\x02";
const DIRECTORY_ENTRY_BYTES: usize = 46;
const DIGITAL_SIGNATURE: [u8; 4] = *b"PK\x05\x05";
const LOCAL_HEADER: [u8; 4] = *b"PK\x03\x04";
const LONGEST_COMMENT_BYTES: u64 = 65_535;
/// Within so many bytes of its end an archive's end record lies.
pub(crate) const ARCHIVE_TAIL_BYTES: usize = (LONGEST_COMMENT_BYTES + END_RECORD_BYTES) as usize;
/// Read at once of what lies before an archive.
const CHUNK_BYTES: u64 = 1 << 20;
/// Data descriptors (APPNOTE 4.3.9) may lie between an entry's bytes and the next entry.
const DESCRIPTOR_BYTES: u64 = 24;
const ZIP64_EXTRA: u16 = 0x0001;
const UNICODE_PATH_EXTRA: u16 = 0x7075;
const UTF8_NAME: u16 = 1 << 11;
const ENCRYPTED: u16 = 1;
const UNKNOWN_32: u64 = 0xFFFF_FFFF;

/// An entry as the directory states it.
#[derive(Debug, Clone)]
pub(crate) struct DirectoryEntry {
    pub(crate) name: RawName,
    pub(crate) method: u16,
    pub(crate) crc32: u32,
    pub(crate) compressed: u64,
    pub(crate) size: u64,
    /// Of its local header, from the start of the archive.
    pub(crate) header_start: u64,
    pub(crate) is_encrypted: bool,
    pub(crate) is_symlink: bool,
}

/// A name before its characters are known.
#[derive(Debug, Clone)]
pub(crate) struct RawName {
    pub(crate) bytes: Vec<u8>,
    /// Said to be UTF-8, by the flag or by the field of Info-ZIP.
    pub(crate) is_utf8: bool,
}

fn damaged(what: &'static str) -> ImagingError {
    ImagingError::UnreadableArchive(what.into())
}

const MISSING: &str = "its directory is damaged or missing";
const CONTRADICTION: &str = "its directory and its end record contradict each other; make the archive again";
const UNLISTED: &str =
    "it holds entries that its directory does not list; unpack it and make the archive again";

const SPLIT: &str =
    "it is one part of an archive that was split; join the parts, or send the files as one archive";

/// Where the directory lies, and what the end record says of it.
struct Directory {
    start: u64,
    end: u64,
    count: u64,
    /// Whether the count is all of it, not its lowest 16 bits.
    is_whole_count: bool,
    /// By which all offsets are too small: bytes were put before the archive.
    shift: u64,
}

/// A run of a file that is a zip archive.
pub(crate) struct ZipBytes<'file> {
    pub(crate) file: &'file Arc<File>,
    pub(crate) start: u64,
    pub(crate) length: u64,
}

impl ZipBytes<'_> {
    fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, ImagingError> {
        if offset
            .checked_add(length as u64)
            .is_none_or(|end| end > self.length)
        {
            return Err(damaged("it is cut short"));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, self.start + offset)?;
        Ok(bytes)
    }

    fn starts_with(&self, offset: u64, signature: [u8; 4]) -> Result<bool, ImagingError> {
        if offset + 4 > self.length {
            return Ok(false);
        }
        Ok(self.read(offset, 4)? == signature)
    }
}

/// Reads the directory; `allow` is asked with the number of entries so far, so that a limit holds while they come.
pub(crate) fn read_directory(
    zip: &ZipBytes<'_>,
    mut allow: impl FnMut(u64) -> Result<(), ImagingError>,
) -> Result<Vec<DirectoryEntry>, ImagingError> {
    let directory = find_directory(zip)?;
    allow(directory.count)?;
    let region = RegionReader::new(
        zip.file.clone(),
        zip.start + directory.start,
        directory.end - directory.start,
    );
    let mut bytes = BufReader::new(region);
    let mut entries = Vec::new();
    while let Some(entry) = read_entry(&mut bytes, directory.shift)? {
        entries.push(entry);
        allow(entries.len() as u64)?;
    }
    let count = entries.len() as u64;
    let is_told = if directory.is_whole_count {
        count == directory.count
    } else {
        count & 0xFFFF == directory.count
    };
    if !is_told {
        return Err(damaged(CONTRADICTION));
    }
    refuse_unlisted(zip, &entries, directory.start)?;
    Ok(entries)
}

/// Whether an end record may lie in the last bytes of a file.
pub(crate) fn may_end_as_archive(last: &[u8]) -> bool {
    memchr::memmem::find(last, &END_RECORD).is_some()
}

/// Whether bytes that do not begin as an archive end as one: a program that unpacks itself, or a head that a portal wrote.
pub(crate) fn ends_as_archive(zip: &ZipBytes<'_>) -> Result<bool, ImagingError> {
    let (tail_start, tail) = read_tail(zip)?;
    for at in memchr::memmem::rfind_iter(&tail, &END_RECORD) {
        // A record that contradicts itself is told where the archive is opened.
        if !matches!(directory_at(zip, &tail[at..], tail_start + at as u64), Ok(None)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The end of the file in which an end record lies, and where it starts.
fn read_tail(zip: &ZipBytes<'_>) -> Result<(u64, Vec<u8>), ImagingError> {
    let bytes = zip.length.min(LONGEST_COMMENT_BYTES + END_RECORD_BYTES);
    let start = zip.length - bytes;
    Ok((start, zip.read(start, usize::try_from(bytes).unwrap_or(0))?))
}

/// Refuses an archive before which another one ends.
fn refuse_archive_before(zip: &ZipBytes<'_>, end: u64) -> Result<(), ImagingError> {
    let mut start = 0;
    while start < end {
        let length = (end - start).min(CHUNK_BYTES);
        let chunk = zip.read(start, usize::try_from(length).unwrap_or(0))?;
        for at in memchr::memmem::find_iter(&chunk, &END_RECORD) {
            let at = start + at as u64;
            let record = zip.read(at, END_RECORD_BYTES.min(zip.length - at) as usize)?;
            if directory_at(zip, &record, at)?.is_some_and(|other| other.count > 0) {
                return Err(damaged(UNLISTED));
            }
        }
        // A signature may lie across the end of a chunk.
        start += if start + length < end { length - 3 } else { length };
    }
    Ok(())
}

fn find_directory(zip: &ZipBytes<'_>) -> Result<Directory, ImagingError> {
    let (tail_start, tail) = read_tail(zip)?;
    let candidates: Vec<Directory> = memchr::memmem::rfind_iter(&tail, &END_RECORD)
        .filter_map(|at| directory_at(zip, &tail[at..], tail_start + at as u64).transpose())
        .collect::<Result<_, _>>()?;
    let mut candidates = candidates.into_iter();
    let directory = candidates.next().ok_or_else(|| damaged(MISSING))?;
    // A second end record that also ends a directory: two archives in one file, or one made to be read twice. An
    // archive stored in this one ends within its own entry, before this directory.
    if candidates.any(|other| other.end > directory.start) {
        return Err(damaged(CONTRADICTION));
    }
    Ok(directory)
}

/// What an end record says; None where it is none: its signature may stand in any bytes.
fn directory_at(zip: &ZipBytes<'_>, record: &[u8], at: u64) -> Result<Option<Directory>, ImagingError> {
    let Some(record) = record.first_chunk::<{ END_RECORD_BYTES as usize }>() else {
        return Ok(None);
    };
    let disks = [short(record, 4), short(record, 6)];
    let is_split = disks != [0, 0] && disks != [0xFFFF, 0xFFFF];
    // Of the last part the directory may begin in another one: told by where the record ends.
    if is_split && at + END_RECORD_BYTES + u64::from(short(record, 20)) == zip.length {
        return Err(damaged(SPLIT));
    }
    let mut count = u64::from(short(record, 10));
    let mut bytes = u64::from(long(record, 12));
    let mut offset = u64::from(long(record, 16));
    let mut end = at;
    let mut is_whole_count = false;
    if at >= ZIP64_LOCATOR_BYTES && zip.starts_with(at - ZIP64_LOCATOR_BYTES, ZIP64_LOCATOR)? {
        let Some(zip64) = find_zip64(zip, at)? else {
            return Err(damaged(CONTRADICTION));
        };
        let (place, record64) = zip64;
        let (count64, bytes64, offset64) = (
            longlong(&record64, 32),
            longlong(&record64, 40),
            longlong(&record64, 48),
        );
        // Where the short record states a value, it is the same.
        let agrees = |short: u64, unknown: u64, value: u64| short == unknown || short == value;
        if !agrees(count, 0xFFFF, count64)
            || !agrees(bytes, UNKNOWN_32, bytes64)
            || !agrees(offset, UNKNOWN_32, offset64)
        {
            return Err(damaged(CONTRADICTION));
        }
        (count, bytes, offset, end, is_whole_count) = (count64, bytes64, offset64, place, true);
    }
    let Some(start) = end.checked_sub(bytes) else {
        return Ok(None);
    };
    let is_directory = bytes == 0 || zip.starts_with(start, DIRECTORY_ENTRY)?;
    let Some(shift) = start.checked_sub(offset) else {
        return Ok(None);
    };
    if !is_directory {
        return Ok(None);
    }
    if is_split {
        return Err(damaged(SPLIT));
    }
    Ok(Some(Directory {
        start,
        end,
        count,
        is_whole_count,
        shift,
    }))
}

/// The zip64 end record whose locator stands before the end record at `at`.
fn find_zip64(zip: &ZipBytes<'_>, at: u64) -> Result<Option<(u64, Vec<u8>)>, ImagingError> {
    let locator = zip.read(at - ZIP64_LOCATOR_BYTES, ZIP64_LOCATOR_BYTES as usize)?;
    // Its own place, not the stated one where bytes were put before the archive.
    let nearest = (at - ZIP64_LOCATOR_BYTES).checked_sub(ZIP64_END_RECORD_BYTES);
    for place in [Some(longlong(&locator, 8)), nearest].into_iter().flatten() {
        if zip.starts_with(place, ZIP64_END_RECORD)? {
            return Ok(Some((place, zip.read(place, ZIP64_END_RECORD_BYTES as usize)?)));
        }
    }
    Ok(None)
}

/// The next entry; None at the end of the directory.
fn read_entry(bytes: &mut impl BufRead, shift: u64) -> Result<Option<DirectoryEntry>, ImagingError> {
    let rest = bytes.fill_buf()?;
    if rest.is_empty() || rest.starts_with(&DIGITAL_SIGNATURE) {
        return Ok(None);
    }
    let mut fixed = [0; DIRECTORY_ENTRY_BYTES];
    let cut_short = |_| damaged(MISSING);
    bytes.read_exact(&mut fixed).map_err(cut_short)?;
    if !fixed.starts_with(&DIRECTORY_ENTRY) {
        return Err(damaged(MISSING));
    }
    let flags = short(&fixed, 8);
    let mut field = |length: u16| -> Result<Vec<u8>, ImagingError> {
        let mut field = vec![0; usize::from(length)];
        bytes.read_exact(&mut field).map_err(cut_short)?;
        Ok(field)
    };
    let name = field(short(&fixed, 28))?;
    let extra = field(short(&fixed, 30))?;
    field(short(&fixed, 32))?;
    let mut entry = DirectoryEntry {
        name: RawName {
            bytes: name,
            is_utf8: flags & UTF8_NAME != 0,
        },
        method: short(&fixed, 10),
        crc32: long(&fixed, 16),
        compressed: u64::from(long(&fixed, 20)),
        size: u64::from(long(&fixed, 24)),
        header_start: u64::from(long(&fixed, 42)),
        is_encrypted: flags & ENCRYPTED != 0,
        // The upper half of the external attributes is st_mode where Unix made the entry.
        is_symlink: fixed[5] == 3 && long(&fixed, 38) >> 28 == 0xA,
    };
    read_extra(&extra, &mut entry);
    entry.header_start = entry
        .header_start
        .checked_add(shift)
        .ok_or_else(|| damaged(MISSING))?;
    Ok(Some(entry))
}

/// Sizes beyond 32 bits, and a name in UTF-8 (Info-ZIP).
fn read_extra(mut extra: &[u8], entry: &mut DirectoryEntry) {
    while let Some(head) = extra.first_chunk::<4>() {
        let (kind, length) = (short(head, 0), usize::from(short(head, 2)));
        let Some(field) = extra.get(4..4 + length) else {
            return;
        };
        match kind {
            ZIP64_EXTRA => {
                let mut values = field.chunks_exact(8).map(|value| longlong(value, 0));
                for slot in [&mut entry.size, &mut entry.compressed, &mut entry.header_start] {
                    if *slot == UNKNOWN_32
                        && let Some(value) = values.next()
                    {
                        *slot = value;
                    }
                }
            }
            UNICODE_PATH_EXTRA if length > 5 && field[0] == 1 => {
                let mut crc = flate2::Crc::new();
                crc.update(&entry.name.bytes);
                // The field belongs to the name it was made for.
                if crc.sum() == long(field, 1) {
                    entry.name = RawName {
                        bytes: field[5..].to_vec(),
                        is_utf8: true,
                    };
                }
            }
            _ => {}
        }
        extra = &extra[4 + length..];
    }
}

/// Refuses an archive with entries between, before or behind those of its directory: another archive was put before
/// it, or entries were hidden.
fn refuse_unlisted(
    zip: &ZipBytes<'_>,
    entries: &[DirectoryEntry],
    directory_start: u64,
) -> Result<(), ImagingError> {
    let mut starts: Vec<(u64, u64)> = entries
        .iter()
        .map(|entry| (entry.header_start, entry.compressed))
        .collect();
    starts.sort_unstable();
    let first = starts.first().map_or(directory_start, |(start, _)| *start);
    if first > 0 && zip.starts_with(0, LOCAL_HEADER)? {
        return Err(damaged(UNLISTED));
    }
    refuse_archive_before(zip, first)?;
    for (index, (start, compressed)) in starts.iter().enumerate() {
        let next = starts.get(index + 1).map_or(directory_start, |(next, _)| *next);
        let Ok(header) = zip.read(*start, 30) else {
            continue; // told where the entry is read
        };
        let data = start + 30 + u64::from(short(&header, 26)) + u64::from(short(&header, 28));
        let end = data.saturating_add(*compressed);
        if next <= end {
            continue; // entries that share bytes are told elsewhere
        }
        let gap = next - end;
        let length = usize::try_from(gap.min(DESCRIPTOR_BYTES + 4)).unwrap_or(0);
        let bytes = zip.read(end, length)?;
        if memchr::memmem::find(&bytes, &LOCAL_HEADER).is_some() {
            return Err(damaged(UNLISTED));
        }
    }
    Ok(())
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn longlong(bytes: &[u8], at: usize) -> u64 {
    u64::from(long(bytes, at)) | u64::from(long(bytes, at + 4)) << 32
}
