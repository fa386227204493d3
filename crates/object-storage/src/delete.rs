//! Deleting. What is not there is deleted already.

use std::path::Path as FilePath;
use std::time::{Duration, SystemTime};

use futures::TryStreamExt as _;
use norma_domain::{AnalysisId, ScanId};
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use crate::key::analysis_folder;
use crate::{ObjectError, ObjectKey, Objects};

impl Objects {
    pub async fn delete(&self, key: ObjectKey) -> Result<(), ObjectError> {
        self.delete_path(&key.path()).await
    }

    /// Deletes everything that belongs to an analysis, whatever it is.
    pub async fn delete_analysis(&self, analysis: AnalysisId) -> Result<(), ObjectError> {
        let listed = self.store.list(Some(&analysis_folder(analysis)));
        let paths: Vec<Path> = listed.map_ok(|meta| meta.location).try_collect().await?;
        for path in &paths {
            self.delete_path(path).await?;
        }
        Ok(())
    }

    /// Deletes the original of a scan and everything of the analyses given (those that the database deleted
    /// with it).
    pub async fn delete_scan(&self, scan: ScanId, analyses: &[AnalysisId]) -> Result<(), ObjectError> {
        self.delete(ObjectKey::Original(scan)).await?;
        self.delete(ObjectKey::Instances(scan)).await?;
        for analysis in analyses {
            self.delete_analysis(*analysis).await?;
        }
        Ok(())
    }

    /// Deletes what uploads left behind whose process died, if it is older than `age`; returns how many. Of a
    /// folder only: for a bucket, a lifecycle rule aborts incomplete uploads.
    pub async fn delete_abandoned_uploads(&self, age: Duration) -> Result<usize, ObjectError> {
        let Some(folder) = self.folder.clone() else {
            return Ok(0);
        };
        let deleted = tokio::task::spawn_blocking(move || delete_staged_files(&folder, age));
        deleted
            .await
            .map_err(|error| ObjectError::Unavailable(Box::new(error)))?
            .map_err(ObjectError::LocalFile)
    }

    pub(crate) async fn delete_path(&self, path: &Path) -> Result<(), ObjectError> {
        match self.store.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Deletes the files `…#1` that object_store writes to before it renames them.
fn delete_staged_files(folder: &FilePath, age: Duration) -> std::io::Result<usize> {
    let mut deleted = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            deleted += delete_staged_files(&entry.path(), age)?;
        } else if is_staged(&entry.file_name().to_string_lossy()) {
            let modified = entry.metadata()?.modified()?;
            let old = SystemTime::now().duration_since(modified).unwrap_or_default() >= age;
            if old {
                std::fs::remove_file(entry.path())?;
                deleted += 1;
            }
        }
    }
    Ok(deleted)
}

fn is_staged(name: &str) -> bool {
    name.rsplit_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}
