use std::io;
use std::path::{Path, PathBuf};

/// Why a training set could not be written. A slice that cannot be prepared is no error: its row says so.
#[derive(Debug, thiserror::Error)]
pub enum TrainingSetError {
    #[error("failed to read the index of slices")]
    ReadIndex(#[source] csv::Error),
    #[error("the index of slices has no column `file`")]
    NoFileColumn,
    #[error("failed to write {path}")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to write the index of prepared slices")]
    WriteIndex(#[source] csv::Error),
}

pub(super) fn write_error(path: &Path, source: io::Error) -> TrainingSetError {
    TrainingSetError::Write {
        path: path.to_owned(),
        source,
    }
}
