//! Instances that come one by one, put into one archive: an upload like any other.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, ZipArchive};

const BUFFER_BYTES: usize = 256 * 1024;

/// A piece of what is put into an archive.
pub(crate) enum Piece {
    /// An instance begins with these bytes.
    Begin(Bytes),
    More(Bytes),
    End,
}

/// What became of an instance that was put into an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packed {
    /// Where its file begins in the archive.
    At(u64),
    /// Byte for byte that one, which is there once.
    Same(usize),
}

/// An archive that was written.
pub(crate) struct WrittenArchive {
    /// In the order in which they came.
    pub(crate) instances: Vec<Packed>,
    pub(crate) size_bytes: u64,
    /// Of the hashes of what came, lower-case hexadecimal.
    pub(crate) received_sha256: String,
}

/// Writes an archive of what comes, until nothing more does; blocks. The same instances in the same order make the same
/// bytes. `is_large`: whether an instance may be larger than 4 GiB.
pub(crate) fn write_archive(
    file: File,
    mut pieces: mpsc::Receiver<Piece>,
    is_large: bool,
) -> io::Result<WrittenArchive> {
    let mut archive = ZipWriter::new(BufWriter::with_capacity(BUFFER_BYTES, file));
    let mut hash = Sha256::new();
    let mut all = Sha256::new();
    let mut seen: BTreeMap<[u8; 32], usize> = BTreeMap::new();
    let mut same: Vec<Option<usize>> = Vec::new();
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::Begin(bytes) => {
                let name = format!("{:06}.dcm", same.len() + 1);
                archive.start_file(name, options(is_large))?;
                hash = Sha256::new();
                hash.update(&bytes);
                archive.write_all(&bytes)?;
            }
            Piece::More(bytes) => {
                hash.update(&bytes);
                archive.write_all(&bytes)?;
            }
            Piece::End => {
                let digest: [u8; 32] = hash.finalize_reset().into();
                all.update(digest);
                let first = seen.get(&digest).copied();
                if first.is_some() {
                    archive.abort_file()?;
                } else {
                    seen.insert(digest, same.len());
                }
                same.push(first);
            }
        }
    }
    let mut file = archive.finish()?;
    file.flush()?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    let size_bytes = file.metadata()?.len();
    let mut starts = starts_of(file)?.into_iter();
    let instances = same.into_iter().map(|same| match same {
        Some(first) => Ok(Packed::Same(first)),
        None => starts
            .next()
            .map(Packed::At)
            .ok_or_else(|| io::Error::other("an instance is missing in the archive that was written")),
    });
    Ok(WrittenArchive {
        instances: instances.collect::<io::Result<_>>()?,
        size_bytes,
        received_sha256: hex::encode(all.finalize()),
    })
}

/// Writes the files of an archive that begin at these places to another one; blocks. Gives its size.
pub(crate) fn copy_archive(from: &Path, starts: &[u64], to: &Path) -> io::Result<u64> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(from)?))?;
    let mut copy = ZipWriter::new(BufWriter::with_capacity(BUFFER_BYTES, File::create(to)?));
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index)?;
        if file.data_start().is_some_and(|start| starts.contains(&start)) {
            copy.raw_copy_file(file)?;
        }
    }
    let mut file = copy.finish()?;
    file.flush()?;
    Ok(file.get_ref().metadata()?.len())
}

fn starts_of(file: File) -> io::Result<Vec<u64>> {
    let mut archive = ZipArchive::new(BufReader::new(file))?;
    (0..archive.len())
        .map(|index| {
            let start = archive.by_index_raw(index)?.data_start();
            start.ok_or_else(|| io::Error::other("a file of the archive begins nowhere"))
        })
        .collect()
}

/// Stored as they came, so that each can be read in place; without times, so that the same instances make the same bytes.
fn options(is_large: bool) -> SimpleFileOptions {
    SimpleFileOptions::DEFAULT
        .compression_method(CompressionMethod::Stored)
        .large_file(is_large)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(parts: &[&[u8]]) -> (tempfile::NamedTempFile, WrittenArchive) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (sender, receiver) = mpsc::channel(parts.len() * 3 + 1);
        for part in parts {
            let (head, rest) = part.split_at(part.len().min(2));
            sender
                .try_send(Piece::Begin(Bytes::copy_from_slice(head)))
                .unwrap();
            sender
                .try_send(Piece::More(Bytes::copy_from_slice(rest)))
                .unwrap();
            sender.try_send(Piece::End).unwrap();
        }
        drop(sender);
        let written = write_archive(file.reopen().unwrap(), receiver, false).unwrap();
        (file, written)
    }

    #[test]
    fn instances_lie_where_it_is_said_and_each_once() {
        let (file, archive) = written(&[b"first", b"second", b"first", b"third"]);
        let bytes = std::fs::read(file.path()).unwrap();
        assert_eq!(archive.size_bytes, bytes.len() as u64);
        let [
            Packed::At(first),
            Packed::At(second),
            Packed::Same(0),
            Packed::At(third),
        ] = archive.instances[..]
        else {
            panic!("{:?}", archive.instances);
        };
        for (start, expected) in [(first, &b"first"[..]), (second, b"second"), (third, b"third")] {
            assert!(bytes[start as usize..].starts_with(expected));
        }
        let (again, twin) = written(&[b"first", b"second", b"first", b"third"]);
        assert_eq!(std::fs::read(again.path()).unwrap(), bytes);
        assert_eq!(twin.received_sha256, archive.received_sha256);

        let copy = tempfile::NamedTempFile::new().unwrap();
        let size = copy_archive(file.path(), &[first, third], copy.path()).unwrap();
        assert_eq!(size, copy.path().metadata().unwrap().len());
        let kept = starts_of(File::open(copy.path()).unwrap()).unwrap();
        let bytes = std::fs::read(copy.path()).unwrap();
        assert_eq!(kept.len(), 2);
        assert!(bytes[kept[1] as usize..].starts_with(b"third"));
    }
}
