use std::fmt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{Encryption, ObjectError};

/// A prefix that holds nothing, asked for by the check of a bucket.
const NEVER_WRITTEN: &str = "checks";
/// How long a connection to a bucket may lie unused and still be taken.
const IDLE_CONNECTION: Duration = Duration::from_secs(5);

/// The object storage: a folder or a bucket. Cheap to clone.
#[derive(Clone)]
pub struct Objects {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Where the folder is; None for a bucket.
    pub(crate) folder: Option<PathBuf>,
    /// None: objects are stored as they come.
    pub(crate) encryption: Option<Encryption>,
}

impl fmt::Debug for Objects {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.folder.is_some() { "folder" } else { "s3" };
        formatter.debug_tuple("Objects").field(&side).finish()
    }
}

/// Where a bucket is and how it is entered.
#[derive(Debug, Clone)]
pub struct S3Settings {
    pub bucket: String,
    pub region: String,
    /// `https://…` or `http://…` of another server than Amazon's, e.g. SeaweedFS.
    pub endpoint: Option<String>,
    /// None for the credentials of the machine or the pod.
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<SecretString>,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// How long an answer, or the next part of one, is waited for before the request is sent again.
    pub answer_timeout: Duration,
}

impl Objects {
    /// A folder, made if it is missing. What is written is on the disk before the operation returns.
    pub fn folder(folder: &FilePath) -> Result<Self, ObjectError> {
        std::fs::create_dir_all(folder).map_err(ObjectError::LocalFile)?;
        let folder = folder.canonicalize().map_err(ObjectError::LocalFile)?;
        let store = LocalFileSystem::new_with_prefix(&folder)?
            .with_fsync(true)
            .with_automatic_cleanup(true);
        Ok(Self {
            store: Arc::new(store),
            folder: Some(folder),
            encryption: None,
        })
    }

    /// A bucket, which exists already.
    pub fn s3(settings: &S3Settings) -> Result<Self, ObjectError> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(&settings.region)
            // Long enough for a restart of the server, and for one more try after an answer that did not come; short
            // enough for a person to wait for the error.
            .with_retry(RetryConfig {
                backoff: BackoffConfig::default(),
                max_retries: 5,
                retry_timeout: settings.answer_timeout + Duration::from_secs(5),
            })
            .with_client_options(
                ClientOptions::new()
                    .with_connect_timeout(settings.connect_timeout)
                    // Not of the whole request: a slow reader may take an hour for a gibibyte.
                    .with_timeout_disabled()
                    .with_read_timeout(settings.answer_timeout)
                    // A server that fell silent takes no more requests on connections that nobody used for a while:
                    // each would wait for its own answer in vain.
                    .with_pool_idle_timeout(IDLE_CONNECTION),
            );
        if let Some(endpoint) = &settings.endpoint {
            builder = builder
                .with_endpoint(endpoint)
                .with_allow_http(endpoint.starts_with("http://"));
        }
        if let (Some(id), Some(secret)) = (&settings.access_key_id, &settings.secret_access_key) {
            builder = builder
                .with_access_key_id(id)
                .with_secret_access_key(secret.expose_secret());
        }
        Ok(Self {
            store: Arc::new(builder.build()?),
            folder: None,
            encryption: None,
        })
    }

    /// Whether the storage answers and would take a write: for readiness. Writes nothing.
    ///
    /// # Errors
    /// [`ObjectError::StorageFull`] where a folder's disk is full, [`ObjectError::Refused`] where the storage may not be
    /// entered.
    pub async fn check(&self) -> Result<(), ObjectError> {
        if let Some(folder) = self.folder.clone() {
            return tokio::task::spawn_blocking(move || check_folder(&folder))
                .await
                .map_err(|error| ObjectError::Unavailable(Box::new(error)))?;
        }
        // Unlike a single object, a list tells a bucket that is missing from one that is empty.
        match self.store.list(Some(&Path::from(NEVER_WRITTEN))).next().await {
            Some(Err(error)) => Err(error.into()),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// Bytes that may still be written; None where that is not known (a bucket).
    pub async fn free_bytes(&self) -> Result<Option<u64>, ObjectError> {
        let Some(folder) = self.folder.clone() else {
            return Ok(None);
        };
        let free = tokio::task::spawn_blocking(move || {
            let volume = rustix::fs::statvfs(&folder)?;
            Ok::<_, std::io::Error>(volume.f_bavail.saturating_mul(volume.f_frsize))
        });
        let free = free
            .await
            .map_err(|error| ObjectError::Unavailable(Box::new(error)))?;
        free.map(Some).map_err(ObjectError::LocalFile)
    }
}

/// A folder that takes files: it is there, may be written to, lies on no disk that is read-only or full.
fn check_folder(folder: &FilePath) -> Result<(), ObjectError> {
    use rustix::fs::{Access, access, statvfs};

    let is_folder = std::fs::metadata(folder)
        .map_err(ObjectError::LocalFile)?
        .is_dir();
    if !is_folder {
        return Err(ObjectError::LocalFile(std::io::ErrorKind::NotADirectory.into()));
    }
    access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| ObjectError::LocalFile(error.into()))?;
    let volume = statvfs(folder).map_err(|error| ObjectError::LocalFile(error.into()))?;
    // Some file systems count no files.
    let has_no_file_left = volume.f_files > 0 && volume.f_favail == 0;
    if volume.f_bavail == 0 || has_no_file_left {
        return Err(ObjectError::StorageFull(Box::new(std::io::Error::from(
            std::io::ErrorKind::StorageFull,
        ))));
    }
    Ok(())
}

/// What was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub size_bytes: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
}

/// An object, or a part of it, as it is read.
pub struct ObjectStream {
    /// Of the whole object.
    pub size_bytes: u64,
    /// What is coming.
    pub range: std::ops::Range<u64>,
    pub bytes: futures::stream::BoxStream<'static, Result<Bytes, ObjectError>>,
}
