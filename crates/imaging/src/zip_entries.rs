//! The members of a zip archive, listed within the limits. Nothing is unpacked here, and a member's name
//! is never a path to write to.

use std::fs::File;
use std::io::BufReader;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use zip::CompressionMethod;
use zip::read::Config;
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;

use crate::blob::{Blob, RegionReader};
use crate::error::ImagingError;
use crate::limits::{Limits, Spent, check_ratio};

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

struct CentralEntry {
    name: String,
    header_start: u64,
    name_bytes: u64,
    compressed: u64,
    size: u64,
    crc32: u32,
    method: CompressionMethod,
    encrypted: bool,
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
    let region = RegionReader::new(file.clone(), start, length);
    let mut archive =
        ZipIterable::try_new(BufReader::new(region), Config::default()).map_err(archive_error)?;
    spent.add_entries(archive.len() as u64, limits)?;
    let mut entries = Vec::new();
    let (mut compressed, mut uncompressed) = (0u64, 0u64);
    for entry in archive.files().map_err(archive_error)? {
        let entry = entry.map_err(archive_error)?;
        if entry.is_dir() || entry.is_symlink() {
            continue;
        }
        let name = entry
            .name()
            .map_or_else(|_| String::new(), |name| name.replace('\\', "/"));
        if is_resource_fork(&name) {
            continue;
        }
        compressed = compressed.saturating_add(entry.compressed_size());
        uncompressed = uncompressed.saturating_add(entry.size());
        entries.push(CentralEntry {
            name,
            header_start: entry.header_start(),
            name_bytes: entry.name_raw().len() as u64,
            compressed: entry.compressed_size(),
            size: entry.size(),
            crc32: entry.crc32(),
            method: entry.compression(),
            encrypted: entry.encrypted(),
        });
    }
    spent.add_uncompressed(uncompressed, limits)?;
    check_ratio(compressed.min(length), uncompressed, limits)?;
    reject_overlaps(&entries)?;
    Ok(entries
        .into_iter()
        .map(|entry| locate(file, start, length, entry))
        .collect())
}

/// Two members that share bytes let a small archive unpack to any size.
fn reject_overlaps(entries: &[CentralEntry]) -> Result<(), ImagingError> {
    let mut spans: Vec<(u64, u64)> = entries
        .iter()
        .map(|entry| {
            let bytes = LOCAL_HEADER_BYTES + entry.name_bytes;
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

fn locate(file: &Arc<File>, start: u64, length: u64, entry: CentralEntry) -> ZipMember {
    let blob = if entry.encrypted {
        Err(MemberProblem::Encrypted)
    } else {
        data_offset(file, start, length, &entry).and_then(|offset| match entry.method {
            CompressionMethod::Stored if entry.size == entry.compressed => {
                Ok(Blob::region(file.clone(), offset, entry.size, Some(entry.crc32)))
            }
            CompressionMethod::Stored => Err(MemberProblem::Damaged),
            CompressionMethod::Deflated => Ok(Blob::deflated(
                file.clone(),
                offset,
                entry.compressed,
                entry.size,
                entry.crc32,
            )),
            _ => Err(MemberProblem::UnknownCompression),
        })
    };
    ZipMember {
        name: entry.name,
        blob,
    }
}

/// Where the member's bytes start: after its local header, whose extra field may differ from the directory's.
fn data_offset(file: &File, start: u64, length: u64, entry: &CentralEntry) -> Result<u64, MemberProblem> {
    let mut header = [0u8; LOCAL_HEADER_BYTES as usize];
    let inside = |offset: u64, bytes: u64| offset.checked_add(bytes).filter(|end| *end <= length);
    inside(entry.header_start, LOCAL_HEADER_BYTES).ok_or(MemberProblem::Damaged)?;
    file.read_exact_at(&mut header, start + entry.header_start)
        .map_err(|_| MemberProblem::Damaged)?;
    if header[..4] != *b"PK\x03\x04" {
        return Err(MemberProblem::Damaged);
    }
    let name_bytes = u64::from(u16::from_le_bytes([header[26], header[27]]));
    let extra_bytes = u64::from(u16::from_le_bytes([header[28], header[29]]));
    let offset = entry.header_start + LOCAL_HEADER_BYTES + name_bytes + extra_bytes;
    inside(offset, entry.compressed).ok_or(MemberProblem::Damaged)?;
    Ok(start + offset)
}

/// What macOS adds beside the files themselves.
pub(crate) fn is_resource_fork(name: &str) -> bool {
    name.split('/')
        .any(|part| part == "__MACOSX" || part == ".DS_Store" || part.starts_with("._"))
}

fn archive_error(error: ZipError) -> ImagingError {
    match error {
        ZipError::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => ImagingError::Io(error),
        ZipError::Io(_) => ImagingError::UnreadableArchive("it is cut short".into()),
        ZipError::UnsupportedArchive(what) => ImagingError::UnreadableArchive(what.to_lowercase()),
        _ => ImagingError::UnreadableArchive("its directory is damaged or missing".into()),
    }
}
