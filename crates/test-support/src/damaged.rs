//! Archives that came to harm, or that were made to do harm. Each began as the phantom of a whole chest, so that what
//! a reader says about it is said about the damage.

use std::fs;
use std::io::{Cursor, Write};
use std::ops::Range;
use std::path::Path;

use anyhow::Context;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use norma_phantom::{PhantomOptions, write_phantom_series};

type NamedFile = (String, Vec<u8>);

const LOCAL_HEADER: &[u8] = b"PK\x03\x04";
const DIRECTORY_ENTRY: &[u8] = b"PK\x01\x02";
/// More than a reader unpacks without asking for the ratio.
const BOMB_BYTES: usize = 320 << 20;

/// Writes the undamaged study as `sound.zip` and about twenty damaged ones beside it; the names of the damaged ones.
///
/// No two studies share a `StudyInstanceUID`, so that each is read for itself.
///
/// # Errors
/// Where a file cannot be written.
pub fn write_damaged_archives(folder: &Path) -> anyhow::Result<Vec<&'static str>> {
    fs::create_dir_all(folder).context("failed to make the folder of the archives")?;
    let damaged = damaged_archives()?;
    let names = damaged.iter().map(|(name, _)| *name).collect();
    let sound = zip_of(&study(1, 0..0)?)?;
    for (name, bytes) in damaged.into_iter().chain([("sound.zip", sound)]) {
        fs::write(folder.join(name), bytes).with_context(|| format!("failed to write {name}"))?;
    }
    Ok(names)
}

fn damaged_archives() -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
    let whole = |seed| study(seed, 0..0);
    let sound = zip_of(&whole(2)?)?;
    let half = sound.len() / 2;
    Ok(vec![
        ("truncated.zip", sound[..half].to_vec()),
        ("directory-missing.zip", sound[..sound.len() - 22].to_vec()),
        (
            "bomb.zip",
            zip_of(&[("IM0001.dcm".to_owned(), vec![0; BOMB_BYTES])])?,
        ),
        ("bomb-in-bomb.zip", bomb_in_bomb()?),
        ("wrong-checksum.zip", with_wrong_checksums(&whole(3)?)?),
        ("size-too-small.zip", with_size_in_directory(&whole(4)?, 300)?),
        (
            "size-too-large.zip",
            with_size_in_directory(&whole(5)?, 0x7FFF_FFFF)?,
        ),
        ("nested.zip", nested(&whole(6)?, 20)?),
        ("encrypted.zip", encrypted(&whole(7)?)?),
        ("names-that-climb.zip", with_climbing_names(&study(8, 10..60)?)?),
        ("pixels-cut-off.zip", zip_of(&cut_off(whole(9)?))?),
        ("two-half-studies.zip", two_half_studies()?),
        ("middle-missing.zip", zip_of(&study(12, 25..35)?)?),
        (
            "one-slice-many-times.zip",
            zip_of(&one_slice_many_times(whole(13)?))?,
        ),
        (
            "header-overwritten.zip",
            zip_of(&with_overwritten_headers(whole(14)?))?,
        ),
        (
            "no-image.zip",
            zip_of(&[("README.txt".to_owned(), b"nothing to see".to_vec())])?,
        ),
        ("empty.zip", zip_of(&[])?),
        ("nothing.zip", Vec::new()),
        ("noise.zip", noise(64 << 10)),
        (
            "another-format.zip",
            b"7z\xBC\xAF\x27\x1C\0\x04 and no more".to_vec(),
        ),
    ])
}

/// The small phantom's files without the slices that are missing.
fn study(seed: u64, missing: Range<usize>) -> anyhow::Result<Vec<NamedFile>> {
    let options = PhantomOptions {
        seed,
        missing_slices: missing.collect(),
        ..PhantomOptions::small()
    };
    let folder = tempfile::tempdir().context("failed to make a scratch folder")?;
    write_phantom_series(&options, folder.path())?;
    let mut files = Vec::new();
    for entry in fs::read_dir(folder.path()).context("failed to list the phantom")? {
        let path = entry.context("failed to list the phantom")?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        files.push((
            name,
            fs::read(&path).context("failed to read a slice of the phantom")?,
        ));
    }
    files.sort();
    Ok(files)
}

fn zip_of(files: &[NamedFile]) -> anyhow::Result<Vec<u8>> {
    zip_with(files, CompressionMethod::Deflated)
}

fn zip_with(files: &[NamedFile], method: CompressionMethod) -> anyhow::Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in files {
        archive.start_file(name.as_str(), options)?;
        archive.write_all(bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// Four copies of an archive in an archive: the outer one looks innocent.
fn bomb_in_bomb() -> anyhow::Result<Vec<u8>> {
    let inner = zip_of(&[("IM0001.dcm".to_owned(), vec![0; BOMB_BYTES / 4])])?;
    let copies: Vec<NamedFile> = (0..4)
        .map(|number| (format!("{number}.zip"), inner.clone()))
        .collect();
    zip_of(&copies)
}

/// One flipped bit in each entry: nothing but the checksums tells.
fn with_wrong_checksums(files: &[NamedFile]) -> anyhow::Result<Vec<u8>> {
    let mut bytes = zip_with(files, CompressionMethod::Stored)?;
    for header in find_all(&bytes, LOCAL_HEADER) {
        // In the middle of the pixels.
        if let Some(byte) = bytes.get_mut(header + 16_000) {
            *byte ^= 1;
        }
    }
    Ok(bytes)
}

/// The directory says that every entry unpacks to `size` bytes.
fn with_size_in_directory(files: &[NamedFile], size: u32) -> anyhow::Result<Vec<u8>> {
    let mut bytes = zip_of(files)?;
    for entry in find_all(&bytes, DIRECTORY_ENTRY) {
        bytes[entry + 24..entry + 28].copy_from_slice(&size.to_le_bytes());
    }
    Ok(bytes)
}

fn nested(files: &[NamedFile], depth: usize) -> anyhow::Result<Vec<u8>> {
    (0..depth).try_fold(zip_of(files)?, |inner, _| {
        zip_with(&[("inner.zip".to_owned(), inner)], CompressionMethod::Stored)
    })
}

/// With the flag of encryption (APPNOTE 4.4.4); what it stands on is not encrypted, which no reader can know.
fn encrypted(files: &[NamedFile]) -> anyhow::Result<Vec<u8>> {
    let mut bytes = zip_of(files)?;
    for (signature, flags) in [(LOCAL_HEADER, 6), (DIRECTORY_ENTRY, 8)] {
        for at in find_all(&bytes, signature) {
            bytes[at + flags] |= 1;
        }
    }
    Ok(bytes)
}

fn with_climbing_names(files: &[NamedFile]) -> anyhow::Result<Vec<u8>> {
    let climbing: Vec<NamedFile> = files
        .iter()
        .map(|(name, bytes)| (format!("../../../climbed-{name}"), bytes.clone()))
        .collect();
    zip_of(&climbing)
}

/// The header's promise of pixels stays as it was.
fn cut_off(files: Vec<NamedFile>) -> Vec<NamedFile> {
    let cut = |(name, bytes): NamedFile| (name, bytes[..bytes.len() * 2 / 3].to_vec());
    files.into_iter().map(cut).collect()
}

/// The lower half of one patient's chest and the upper half of another's.
fn two_half_studies() -> anyhow::Result<Vec<u8>> {
    let mut files = Vec::new();
    for (patient, seed, missing) in [("A", 10, 28..60), ("B", 11, 0..32)] {
        let half = study(seed, missing)?;
        files.extend(
            half.into_iter()
                .map(|(name, bytes)| (format!("{patient}/{name}"), bytes)),
        );
    }
    zip_of(&files)
}

fn one_slice_many_times(files: Vec<NamedFile>) -> Vec<NamedFile> {
    let slice = files[files.len() / 2].1.clone();
    files.into_iter().map(|(name, _)| (name, slice.clone())).collect()
}

/// Noise where the data set begins; preamble and meta information are whole.
fn with_overwritten_headers(files: Vec<NamedFile>) -> Vec<NamedFile> {
    let overwrite = |(name, mut bytes): NamedFile| {
        let noise = noise(600);
        bytes[400..1000].copy_from_slice(&noise);
        (name, bytes)
    };
    files.into_iter().map(overwrite).collect()
}

/// The same bytes each time (xorshift).
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[7]
        })
        .collect()
}

/// Positions of a signature.
fn find_all(bytes: &[u8], signature: &[u8]) -> Vec<usize> {
    bytes
        .windows(signature.len())
        .enumerate()
        .filter(|(_, window)| *window == signature)
        .map(|(at, _)| at)
        .collect()
}
