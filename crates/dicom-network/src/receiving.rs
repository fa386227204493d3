//! A data set on its way to the disk.

use std::io;
use std::path::Path;

use tempfile::TempPath;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt as _, BufWriter};

use crate::sink::StoreFailure;

const PREFIX: &str = "incoming-";
/// The room on the disk is looked at again after so many bytes.
const CHECK_BYTES: u64 = 16 << 20;
const BUFFER_BYTES: usize = 256 << 10;

/// What one instance may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InstanceLimits {
    /// Bytes of its data set.
    pub(crate) instance_bytes: u64,
    /// Bytes that stay free on the disk of the folder.
    pub(crate) free_floor_bytes: u64,
}

/// The file of an instance that comes in. Deleted where it does not come whole.
pub(crate) struct IncomingFile {
    file: BufWriter<File>,
    path: TempPath,
    /// Of the data set.
    pub(crate) size_bytes: u64,
    next_check: u64,
    limits: InstanceLimits,
}

impl IncomingFile {
    pub(crate) async fn create(
        folder: &Path,
        limits: InstanceLimits,
        head: &[u8],
    ) -> Result<Self, StoreFailure> {
        check_room(folder, limits.free_floor_bytes)?;
        let (file, path) = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempfile_in(folder)
            .map_err(|error| failure_of(&error))?
            .into_parts();
        let mut file = BufWriter::with_capacity(BUFFER_BYTES, File::from_std(file));
        file.write_all(head).await.map_err(|error| failure_of(&error))?;
        Ok(Self {
            file,
            path,
            size_bytes: 0,
            next_check: CHECK_BYTES,
            limits,
        })
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreFailure> {
        self.size_bytes += bytes.len() as u64;
        if self.size_bytes > self.limits.instance_bytes {
            return Err(StoreFailure::OutOfResources);
        }
        if self.size_bytes > self.next_check {
            self.next_check = self.size_bytes + CHECK_BYTES;
            let folder = self.path.parent().unwrap_or(Path::new("."));
            check_room(folder, self.limits.free_floor_bytes)?;
        }
        self.file
            .write_all(bytes)
            .await
            .map_err(|error| failure_of(&error))
    }

    /// The file, once it is on the disk.
    pub(crate) async fn finish(mut self) -> Result<TempPath, StoreFailure> {
        let finished = async {
            self.file.flush().await?;
            self.file.get_ref().sync_all().await
        };
        finished.await.map_err(|error| failure_of(&error))?;
        Ok(self.path)
    }
}

fn check_room(folder: &Path, floor_bytes: u64) -> Result<(), StoreFailure> {
    let volume = rustix::fs::statvfs(folder).map_err(|error| failure_of(&error.into()))?;
    if volume.f_bavail.saturating_mul(volume.f_frsize) < floor_bytes {
        return Err(StoreFailure::OutOfResources);
    }
    Ok(())
}

fn failure_of(error: &io::Error) -> StoreFailure {
    tracing::error!(%error, "a received instance could not be written");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StoreFailure::OutOfResources
        }
        _ => StoreFailure::Failed,
    }
}
