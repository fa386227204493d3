//! The members of a zip archive, listed within the limits. Nothing is unpacked here, and a member's name
//! is never a path to write to.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::archive_names::decode_names;
use crate::blob::Blob;
use crate::error::ImagingError;
use crate::limits::{Limits, Spent, check_ratio};
use crate::zip_directory::{DirectoryEntry, RawName, ZipBytes, read_directory};

/// Methods of compression (APPNOTE 4.4.5).
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const LOCAL_HEADER_BYTES: u64 = 30;

/// A file in an archive.
#[derive(Debug, Clone)]
pub(crate) struct ZipMember {
    /// The name the archive gives; for grouping and mass-run rows only.
    pub(crate) name: String,
    /// The file, or why it cannot be had.
    pub(crate) blob: Result<Blob, MemberProblem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemberProblem {
    Encrypted,
    UnknownCompression,
    Damaged,
}

impl From<MemberProblem> for ImagingError {
    fn from(problem: MemberProblem) -> Self {
        match problem {
            MemberProblem::Encrypted => Self::EncryptedArchive,
            MemberProblem::UnknownCompression => Self::UnreadableArchive(
                "an entry is compressed by another method than deflate; make the archive again as a usual zip".into(),
            ),
            MemberProblem::Damaged => Self::UnreadableArchive("an entry lies outside the archive".into()),
        }
    }
}

/// Lists the files of the zip archive that lies in `length` bytes of `file` from `start`.
///
/// Directories, symbolic links and the resource forks of macOS are left out.
pub(crate) fn list_zip_members(
    file: &Arc<File>,
    start: u64,
    length: u64,
    limits: &Limits,
    spent: &Spent,
) -> Result<Vec<ZipMember>, ImagingError> {
    let zip = ZipBytes { file, start, length };
    let mut allowed = 0;
    let entries = read_directory(&zip, |count| {
        // Counted once, whatever the end record says.
        let more = count.saturating_sub(allowed);
        allowed = allowed.max(count);
        spent.add_entries(more, limits)
    })?;
    let raw: Vec<RawName> = entries.iter().map(|entry| entry.name.clone()).collect();
    let (mut compressed, mut uncompressed) = (0u64, 0u64);
    let mut named = Vec::new();
    for (entry, name) in entries.into_iter().zip(decode_names(&raw)) {
        let name = name.replace('\\', "/");
        if name.ends_with('/') || entry.is_symlink || is_resource_fork(&name) {
            continue;
        }
        compressed = compressed.saturating_add(entry.compressed);
        uncompressed = uncompressed.saturating_add(entry.size);
        named.push((entry, name));
    }
    spent.add_uncompressed(uncompressed, limits)?;
    check_ratio(compressed.min(length), uncompressed, limits)?;
    reject_overlaps(&named)?;
    Ok(named
        .into_iter()
        .map(|(entry, name)| ZipMember {
            blob: locate(&zip, &entry),
            name,
        })
        .collect())
}

/// Two members that share bytes let a small archive unpack to any size.
fn reject_overlaps(entries: &[(DirectoryEntry, String)]) -> Result<(), ImagingError> {
    let mut spans: Vec<(u64, u64)> = entries
        .iter()
        .map(|(entry, _)| {
            // At least: a name in an extra field is no part of it.
            let bytes = LOCAL_HEADER_BYTES;
            let end = entry
                .header_start
                .saturating_add(bytes)
                .saturating_add(entry.compressed);
            (entry.header_start, end)
        })
        .collect();
    spans.sort_unstable();
    if spans.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        return Err(ImagingError::UnreadableArchive("its entries overlap".into()));
    }
    Ok(())
}

fn locate(zip: &ZipBytes<'_>, entry: &DirectoryEntry) -> Result<Blob, MemberProblem> {
    if entry.is_encrypted {
        return Err(MemberProblem::Encrypted);
    }
    let offset = data_offset(zip, entry)?;
    let file = zip.file.clone();
    match entry.method {
        STORED if entry.size == entry.compressed => {
            Ok(Blob::region(file, offset, entry.size, Some(entry.crc32)))
        }
        STORED => Err(MemberProblem::Damaged),
        DEFLATED => Ok(Blob::deflated(
            file,
            offset,
            entry.compressed,
            entry.size,
            entry.crc32,
        )),
        _ => Err(MemberProblem::UnknownCompression),
    }
}

/// Where the member's bytes start: after its local header, whose extra field may differ from the directory's.
fn data_offset(zip: &ZipBytes<'_>, entry: &DirectoryEntry) -> Result<u64, MemberProblem> {
    let mut header = [0u8; LOCAL_HEADER_BYTES as usize];
    let inside = |offset: u64, bytes: u64| offset.checked_add(bytes).filter(|end| *end <= zip.length);
    inside(entry.header_start, LOCAL_HEADER_BYTES).ok_or(MemberProblem::Damaged)?;
    zip.file
        .read_exact_at(&mut header, zip.start + entry.header_start)
        .map_err(|_| MemberProblem::Damaged)?;
    let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    // Sizes stand behind the bytes where they were not known before (bit 3), or in the extra field.
    let compressed = u64::from(u32::from_le_bytes([
        header[18], header[19], header[20], header[21],
    ]));
    let states_size = short(6) & 8 == 0 && compressed != u64::from(u32::MAX);
    if header[..4] != *b"PK\x03\x04"
        || short(8) != entry.method
        || (states_size && compressed != entry.compressed)
    {
        return Err(MemberProblem::Damaged);
    }
    let offset = entry.header_start + LOCAL_HEADER_BYTES + u64::from(short(26)) + u64::from(short(28));
    inside(offset, entry.compressed).ok_or(MemberProblem::Damaged)?;
    Ok(zip.start + offset)
}

/// What macOS adds beside the files themselves.
pub(crate) fn is_resource_fork(name: &str) -> bool {
    name.split('/')
        .any(|part| part == "__MACOSX" || part == ".DS_Store" || part.starts_with("._"))
}
