//! Reading.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use norma_encryption::HEADER_BYTES;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore as _, ObjectStoreExt as _};

use crate::objects::ObjectStream;
use crate::sealed::Form;
use crate::{ObjectError, ObjectKey, Objects};

/// A worker that begins again stores its objects again, each once.
const ATTEMPTS: usize = 3;

/// An object as a listing tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredObject {
    pub key: ObjectKey,
    /// As it is stored: encrypted, it is a little longer than its content.
    pub size_bytes: u64,
    pub written_at: DateTime<Utc>,
}

impl Objects {
    /// A whole object, in memory.
    pub async fn get(&self, key: ObjectKey) -> Result<Bytes, ObjectError> {
        let found = self.open(key, None).await?;
        let size_bytes = found.meta.size;
        let bytes = found.bytes().await.map_err(|error| ObjectError::of(key, error))?;
        match self.form(key, bytes.clone(), size_bytes)? {
            Form::Plain => Ok(bytes),
            Form::Sealed(sealed, layout) => {
                let opener = self.opener(key, &sealed).await?;
                let rest = stream::once(async move { Ok(sealed.slice(HEADER_BYTES..)) });
                let content = Self::open_stream(key, opener, layout, 0..layout.plain_bytes(), rest);
                in_memory(content).await
            }
        }
    }

    /// The bytes `range` of an object.
    ///
    /// # Errors
    /// [`ObjectError::RangeOutside`] where the object does not have all of them.
    pub async fn get_range(&self, key: ObjectKey, range: Range<u64>) -> Result<Bytes, ObjectError> {
        if range.is_empty() {
            return Err(outside(key, &range));
        }
        if self.keys().is_none() {
            // Nothing is encrypted, as far as the settings know: both at once, so that the look costs no time.
            let (look, found) = futures::join!(self.look(key), self.open(key, Some(range.clone())));
            if let Form::Plain = look?.form {
                let found = found?;
                if found.range != range {
                    return Err(outside(key, &range));
                }
                return found.bytes().await.map_err(|error| ObjectError::of(key, error));
            }
        }
        let stream = self.get_stream(key, Some(range.clone())).await?;
        if stream.range != range {
            return Err(outside(key, &range));
        }
        in_memory(stream.bytes).await
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
        let Some(range) = range else {
            return self.whole_stream(key).await;
        };
        if range.is_empty() {
            return Err(outside(key, &range));
        }
        for _ in 0..ATTEMPTS {
            match self.range_stream(key, range.clone()).await {
                Err(ObjectError::Replaced(_)) => {}
                ended => return ended,
            }
        }
        Err(ObjectError::Replaced(key))
    }

    async fn range_stream(&self, key: ObjectKey, range: Range<u64>) -> Result<ObjectStream, ObjectError> {
        let look = self.look(key).await?;
        let size_bytes = look.size_bytes();
        if range.start >= size_bytes {
            return Err(outside(key, &range));
        }
        let range = range.start..range.end.min(size_bytes);
        let Form::Sealed(header, layout) = look.form else {
            let found = self.open(key, Some(range)).await?;
            return Ok(ObjectStream {
                size_bytes: found.meta.size,
                range: found.range.clone(),
                bytes: as_stored(key, found),
            });
        };
        let opener = self.opener(key, &header).await?;
        let found = self
            .open(key, Some(layout.stored(&layout.chunks(&range))))
            .await?;
        if found.meta.e_tag != look.meta.e_tag {
            // Another has been stored in its place between the two, with another key: the next look sees it whole.
            return Err(ObjectError::Replaced(key));
        }
        Ok(ObjectStream {
            size_bytes,
            range: range.clone(),
            bytes: Self::open_stream(key, opener, layout, range, as_stored(key, found)),
        })
    }

    async fn whole_stream(&self, key: ObjectKey) -> Result<ObjectStream, ObjectError> {
        let found = self.open(key, None).await?;
        let stored_bytes = found.meta.size;
        let mut coming = as_stored(key, found);
        let mut beginning = BytesMut::new();
        while beginning.len() < HEADER_BYTES
            && let Some(bytes) = coming.try_next().await?
        {
            beginning.extend_from_slice(&bytes);
        }
        let beginning = beginning.freeze();
        let (size_bytes, bytes) = match self.form(key, beginning.clone(), stored_bytes)? {
            Form::Plain => {
                let beginning = stream::iter((!beginning.is_empty()).then_some(Ok(beginning)));
                (stored_bytes, beginning.chain(coming).boxed())
            }
            Form::Sealed(beginning, layout) => {
                let opener = self.opener(key, &beginning).await?;
                let first = beginning.slice(HEADER_BYTES.min(beginning.len())..);
                let rest = stream::once(async move { Ok(first) }).chain(coming);
                let size_bytes = layout.plain_bytes();
                (
                    size_bytes,
                    Self::open_stream(key, opener, layout, 0..size_bytes, rest),
                )
            }
        };
        Ok(ObjectStream {
            size_bytes,
            range: 0..size_bytes,
            bytes,
        })
    }

    /// The size of an object in bytes; None where there is none.
    pub async fn size(&self, key: ObjectKey) -> Result<Option<u64>, ObjectError> {
        match self.look(key).await {
            Ok(look) => Ok(Some(look.size_bytes())),
            Err(ObjectError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
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

    /// The key of every object, as a stream in no order.
    pub fn keys_of_all(&self) -> BoxStream<'static, Result<ObjectKey, ObjectError>> {
        self.store
            .list(None)
            .map_err(ObjectError::from)
            .try_filter_map(async |meta| Ok(ObjectKey::from_path(&meta.location)))
            .boxed()
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

    /// As it lies in the storage, encrypted or not.
    async fn stored_size(&self, key: ObjectKey) -> Result<Option<u64>, ObjectError> {
        match self.store.head(&key.path()).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn open(
        &self,
        key: ObjectKey,
        range: Option<Range<u64>>,
    ) -> Result<GetResult, ObjectError> {
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
            && let Some(size) = self.stored_size(key).await?
            && range.start >= size
        {
            return Err(outside(key, &range));
        }
        Err(error.into())
    }
}

fn as_stored(key: ObjectKey, found: GetResult) -> BoxStream<'static, Result<Bytes, ObjectError>> {
    found
        .into_stream()
        .map_err(move |error| ObjectError::of(key, error))
        .boxed()
}

async fn in_memory(content: BoxStream<'static, Result<Bytes, ObjectError>>) -> Result<Bytes, ObjectError> {
    let parts: Vec<Bytes> = content.try_collect().await?;
    Ok(match parts.len() {
        1 => parts.into_iter().next().unwrap_or_default(),
        _ => parts.concat().into(),
    })
}

fn outside(key: ObjectKey, range: &Range<u64>) -> ObjectError {
    ObjectError::RangeOutside {
        key,
        start: range.start,
        end: range.end,
    }
}
