//! Archives and folders made for tests.

use std::io::{Cursor, Write};
use std::path::PathBuf;

use tempfile::TempDir;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// A zip archive of these files.
pub(crate) fn zip_of(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    zip_with(files, CompressionMethod::Deflated)
}

pub(crate) fn zip_with(files: &[(String, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in files {
        archive.start_file(name.as_str(), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Names files by their number.
pub(crate) fn numbered(files: impl IntoIterator<Item = Vec<u8>>) -> Vec<(String, Vec<u8>)> {
    files
        .into_iter()
        .enumerate()
        .map(|(number, bytes)| (format!("study/{number}.dcm"), bytes))
        .collect()
}

/// Bytes as a file that is there as long as the folder is.
pub(crate) struct Upload {
    _folder: TempDir,
    pub(crate) path: PathBuf,
}

impl Upload {
    pub(crate) fn file(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("upload");
        std::fs::write(&path, bytes).unwrap();
        Self {
            _folder: folder,
            path,
        }
    }

    pub(crate) fn folder(files: &[(String, Vec<u8>)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let path = folder.path().to_owned();
        Self {
            _folder: folder,
            path,
        }
    }
}

/// A zip of stored files, written by hand so that it can lie: names in any bytes, any count in the end record, and
/// entries that the directory leaves out.
pub(crate) struct HandZip {
    pub(crate) files: Vec<(Vec<u8>, Vec<u8>)>,
    /// Positions of the files that the directory does not list.
    pub(crate) unlisted: Vec<usize>,
    /// What the end record says; None for the truth, of which it holds the lowest 16 bits.
    pub(crate) count: Option<u16>,
    pub(crate) comment: Vec<u8>,
}

impl HandZip {
    pub(crate) fn of(files: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        Self {
            files: files.into_iter().collect(),
            unlisted: Vec::new(),
            count: None,
            comment: Vec::new(),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (mut body, mut directory, mut listed) = (Vec::new(), Vec::new(), 0usize);
        for (index, (name, data)) in self.files.iter().enumerate() {
            let mut crc = flate2::Crc::new();
            crc.update(data);
            let size = (data.len() as u32).to_le_bytes();
            let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0x50, 0x6E, 0x5A];
            common.extend(crc.sum().to_le_bytes());
            common.extend(size);
            common.extend(size);
            common.extend((name.len() as u16).to_le_bytes());
            common.extend([0, 0]);
            let offset = (body.len() as u32).to_le_bytes();
            body.extend(b"PK\x03\x04");
            body.extend(&common);
            body.extend(name);
            body.extend(data);
            if !self.unlisted.contains(&index) {
                listed += 1;
                directory.extend(b"PK\x01\x02\x14\0");
                directory.extend(&common);
                directory.extend([0; 10]);
                directory.extend(offset);
                directory.extend(name);
            }
        }
        let count = self.count.unwrap_or(listed as u16).to_le_bytes();
        let start = (body.len() as u32).to_le_bytes();
        let length = (directory.len() as u32).to_le_bytes();
        body.extend(directory);
        body.extend(b"PK\x05\x06\0\0\0\0");
        body.extend(count);
        body.extend(count);
        body.extend(length);
        body.extend(start);
        body.extend((self.comment.len() as u16).to_le_bytes());
        body.extend(&self.comment);
        body
    }
}
