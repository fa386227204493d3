//! Scratch folders: an upload and what is made of it. Each is removed when its work ends, and those of a process that was
//! killed by the next one.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use norma_service::{Context, Settings};
use tempfile::TempDir;

const PREFIX: &str = "norma-preprocess-";
const LOCK_SUFFIX: &str = ".lock";
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);
/// A folder without its lock file, or a lock file without its folder, is being made or removed while it is younger.
const SETTLED_AFTER: Duration = Duration::from_secs(600);

/// Where scratch folders lie.
pub(crate) fn scratch_parent(settings: &Settings) -> PathBuf {
    let folder = settings.workers.scratch_folder.clone();
    folder.unwrap_or_else(std::env::temp_dir)
}

/// A scratch folder, removed when dropped. A lock on a file beside it says that its process lives: the kernel takes the
/// lock back however the process ends.
#[derive(Debug)]
pub(crate) struct Scratch {
    // Removed before its lock is given back.
    folder: TempDir,
    _lock: Lock,
}

impl Scratch {
    pub(crate) fn create(parent: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(parent)?;
        loop {
            let name = format!("{PREFIX}{}", uuid::Uuid::now_v7().simple());
            // The lock comes first: a folder is never seen without it.
            let Some(lock) = Lock::take(parent.join(format!("{name}{LOCK_SUFFIX}")))? else {
                continue;
            };
            let folder = tempfile::Builder::new()
                .prefix(&name)
                .rand_bytes(0)
                .tempdir_in(parent)?;
            return Ok(Self { folder, _lock: lock });
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

#[derive(Debug)]
struct Lock {
    path: PathBuf,
    // Holds the lock.
    _file: File,
}

impl Lock {
    /// None where another process holds it.
    fn take(path: PathBuf) -> io::Result<Option<Self>> {
        let file = File::create(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { path, _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Left behind, it is swept later.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Removes what killed processes left, now and again and again, until shutdown.
pub(crate) async fn run_scratch_sweep(context: Context) {
    let parent = scratch_parent(&context.settings);
    loop {
        let folder = parent.clone();
        match tokio::task::spawn_blocking(move || sweep(&folder, SETTLED_AFTER)).await {
            Ok(Ok(0)) | Err(_) => {}
            Ok(Ok(removed)) => {
                tracing::info!(removed, "scratch folders of processes that are gone were removed");
            }
            Ok(Err(error)) => tracing::warn!(%error, "failed to look for old scratch folders"),
        }
        tokio::select! {
            () = context.shutdown.cancelled() => return,
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
        }
    }
}

/// Removes the scratch folders whose process is gone; gives how many.
fn sweep(parent: &Path, settled_after: Duration) -> io::Result<usize> {
    let entries = match std::fs::read_dir(parent) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with(PREFIX) {
            continue;
        }
        let path = entry.path();
        if let Some(folder) = name.strip_suffix(LOCK_SUFFIX) {
            if !parent.join(folder).exists() && is_older(&path, settled_after) {
                // Held by a process that is about to make its folder, it stays.
                drop(Lock::take(path));
            }
        } else if entry.file_type()?.is_dir() && is_abandoned(&path, settled_after)? {
            std::fs::remove_dir_all(&path)?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn is_abandoned(folder: &Path, settled_after: Duration) -> io::Result<bool> {
    let mut lock = folder.as_os_str().to_owned();
    lock.push(LOCK_SUFFIX);
    let lock = PathBuf::from(lock);
    if !lock.exists() {
        return Ok(is_older(folder, settled_after));
    }
    Ok(Lock::take(lock)?.is_some())
}

fn is_older(path: &Path, age: Duration) -> bool {
    let modified = path.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| SystemTime::now().duration_since(modified).unwrap_or_default() >= age)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(parent: &Path) -> Vec<String> {
        std::fs::read_dir(parent)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn a_scratch_folder_is_removed_with_its_lock() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(parent.path()).unwrap();
        std::fs::write(scratch.path().join("upload"), "pixels").unwrap();
        assert_eq!(names(parent.path()).len(), 2);
        drop(scratch);
        assert_eq!(names(parent.path()), Vec::<String>::new());
    }

    #[test]
    fn what_lives_stays_and_what_is_abandoned_goes() {
        let parent = tempfile::tempdir().unwrap();
        let living = Scratch::create(parent.path()).unwrap();
        // As a killed process leaves it: the folder, and a lock file that nobody holds.
        let killed = parent.path().join(format!("{PREFIX}killed"));
        std::fs::create_dir(&killed).unwrap();
        std::fs::write(killed.join("upload"), "pixels").unwrap();
        std::fs::write(parent.path().join(format!("{PREFIX}killed{LOCK_SUFFIX}")), "").unwrap();
        let others = parent.path().join("somebody-else");
        std::fs::create_dir(&others).unwrap();

        assert_eq!(sweep(parent.path(), Duration::from_secs(3600)).unwrap(), 1);
        assert!(living.path().exists() && others.exists() && !killed.exists());
        assert_eq!(names(parent.path()).len(), 3, "{:?}", names(parent.path()));
        assert_eq!(sweep(&parent.path().join("nowhere"), Duration::ZERO).unwrap(), 0);
    }

    #[test]
    fn a_folder_without_a_lock_goes_by_its_age() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join(format!("{PREFIX}old"));
        std::fs::create_dir(&folder).unwrap();
        assert_eq!(sweep(parent.path(), Duration::from_secs(3600)).unwrap(), 0);
        assert_eq!(sweep(parent.path(), Duration::ZERO).unwrap(), 1);
    }
}
