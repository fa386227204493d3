//! Reading.

use std::ops::Range;
use std::path::Path as FilePath;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore as _, ObjectStoreExt as _};
use tokio::io::AsyncWriteExt as _;

use crate::objects::ObjectStream;
use crate::{ObjectError, ObjectKey, Objects};

/// An object as a listing tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredObject {
    pub key: ObjectKey,
    pub size_bytes: u64,
    pub written_at: DateTime<Utc>,
}

impl Objects {
    /// A whole object, in memory.
    pub async fn get(&self, key: ObjectKey) -> Result<Bytes, ObjectError> {
        let found = self.open(key, None).await?;
        found.bytes().await.map_err(|error| ObjectError::of(key, error))
    }

    /// The bytes `range` of an object.
    ///
    /// # Errors
    /// [`ObjectError::RangeOutside`] where the object does not have all of them.
    pub async fn get_range(&self, key: ObjectKey, range: Range<u64>) -> Result<Bytes, ObjectError> {
        if range.is_empty() {
            return Err(outside(key, &range));
        }
        let found = self.open(key, Some(range.clone())).await?;
        if found.range != range {
            return Err(outside(key, &range));
        }
        found.bytes().await.map_err(|error| ObjectError::of(key, error))
    }

    /// An object, or the bytes `range` of it, as a stream. A range is cut to the object's end.
    ///
    /// # Errors
    /// [`ObjectError::RangeOutside`] where the range begins at or after the object's end.
    pub async fn get_stream(
        &self,
        key: ObjectKey,
        range: Option<Range<u64>>,
    ) -> Result<ObjectStream, ObjectError> {
        if let Some(range) = range.as_ref().filter(|range| range.is_empty()) {
            return Err(outside(key, range));
        }
        let found = self.open(key, range).await?;
        Ok(ObjectStream {
            size_bytes: found.meta.size,
            range: found.range.clone(),
            bytes: found
                .into_stream()
                .map_err(move |error| ObjectError::of(key, error))
                .boxed(),
        })
    }

    /// Writes an object to a file, in constant memory. The file is removed if that fails.
    pub async fn get_to_file(&self, key: ObjectKey, file: &FilePath) -> Result<u64, ObjectError> {
        let stream = self.get_stream(key, None).await?;
        let copied = copy_to_file(key, stream, file).await;
        if copied.is_err() {
            let _ = tokio::fs::remove_file(file).await;
        }
        copied
    }

    /// The size of an object in bytes; None where there is none.
    pub async fn size(&self, key: ObjectKey) -> Result<Option<u64>, ObjectError> {
        match self.store.head(&key.path()).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub async fn exists(&self, key: ObjectKey) -> Result<bool, ObjectError> {
        Ok(self.size(key).await?.is_some())
    }

    /// Every object, in the order of their paths: for tests and for sweeps.
    pub async fn list(&self) -> Result<Vec<ObjectKey>, ObjectError> {
        let mut keys: Vec<ObjectKey> = self
            .store
            .list(None)
            .try_filter_map(async |meta| Ok(ObjectKey::from_path(&meta.location)))
            .try_collect()
            .await?;
        keys.sort_by_key(ToString::to_string);
        Ok(keys)
    }

    /// Every object that belongs to a scan or an analysis, prefix by prefix, as a stream: a hospital has millions.
    pub fn stored(&self) -> BoxStream<'static, Result<StoredObject, ObjectError>> {
        let of_prefix = |prefix: &str| {
            self.store
                .list(Some(&Path::from(prefix)))
                .map_err(ObjectError::from)
                .try_filter_map(async |meta| {
                    Ok(ObjectKey::from_path(&meta.location).map(|key| StoredObject {
                        key,
                        size_bytes: meta.size,
                        written_at: meta.last_modified,
                    }))
                })
        };
        of_prefix("originals").chain(of_prefix("analyses")).boxed()
    }

    async fn open(&self, key: ObjectKey, range: Option<Range<u64>>) -> Result<GetResult, ObjectError> {
        let options = GetOptions {
            range: range.clone().map(GetRange::Bounded),
            ..GetOptions::default()
        };
        let error = match self.store.get_opts(&key.path(), options).await {
            Ok(found) => return Ok(found),
            Err(object_store::Error::NotFound { .. }) => return Err(ObjectError::NotFound(key)),
            Err(error) => error,
        };
        // The two sides report a range after the end in different ways; the size tells.
        if let Some(range) = range
            && let Some(size) = self.size(key).await?
            && range.start >= size
        {
            return Err(outside(key, &range));
        }
        Err(error.into())
    }
}

fn outside(key: ObjectKey, range: &Range<u64>) -> ObjectError {
    ObjectError::RangeOutside {
        key,
        start: range.start,
        end: range.end,
    }
}

async fn copy_to_file(key: ObjectKey, mut stream: ObjectStream, file: &FilePath) -> Result<u64, ObjectError> {
    let mut file = tokio::fs::File::create(file)
        .await
        .map_err(ObjectError::LocalFile)?;
    let mut copied = 0;
    while let Some(bytes) = stream.bytes.next().await {
        let bytes = bytes?;
        file.write_all(&bytes).await.map_err(ObjectError::LocalFile)?;
        copied += bytes.len() as u64;
    }
    file.flush().await.map_err(ObjectError::LocalFile)?;
    if copied == stream.size_bytes {
        Ok(copied)
    } else {
        Err(ObjectError::Truncated(key))
    }
}
