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
