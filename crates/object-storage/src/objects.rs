use std::fmt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt as _, PutPayload, RetryConfig};
use secrecy::{ExposeSecret as _, SecretString};

use crate::ObjectError;

/// The object storage: a folder or a bucket. Cheap to clone.
#[derive(Clone)]
pub struct Objects {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Where the folder is; None for a bucket.
    pub(crate) folder: Option<PathBuf>,
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
    /// `https://…` or `http://…` of another server than Amazon's, e.g. MinIO.
    pub endpoint: Option<String>,
    /// None for the credentials of the machine or the pod.
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<SecretString>,
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
        })
    }

    /// A bucket, which exists already.
    pub fn s3(settings: &S3Settings) -> Result<Self, ObjectError> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(&settings.region)
            // Long enough for a restart of the server, short enough for a person to wait for the error.
            .with_retry(RetryConfig {
                backoff: BackoffConfig::default(),
                max_retries: 5,
                retry_timeout: Duration::from_secs(20),
            })
            .with_client_options(
                ClientOptions::new()
                    .with_connect_timeout(Duration::from_secs(5))
                    // Not of the whole request: a slow reader may take an hour for a gibibyte.
                    .with_timeout_disabled()
                    .with_read_timeout(Duration::from_secs(60)),
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
        })
    }

    /// Whether the storage takes writes: for readiness. Writes one byte, always to the same place.
    pub async fn check(&self) -> Result<(), ObjectError> {
        let payload = PutPayload::from_static(b"1");
        self.store.put(&Path::from("checks/write"), payload).await?;
        Ok(())
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
