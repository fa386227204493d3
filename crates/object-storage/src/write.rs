//! Writing. An object is seen whole or not at all.

use std::error::Error;
use std::path::Path as FilePath;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use object_store::{ObjectStoreExt as _, PutPayload, WriteMultipart};
use sha2::{Digest as _, Sha256};
use tokio_util::io::ReaderStream;

use crate::{ObjectError, ObjectKey, Objects, Stored};

/// Size of a part of an upload. S3 wants 5 MiB at least and 10,000 parts at most.
const PART_BYTES: usize = 8 << 20;
/// Parts under way at once: an upload holds about this many parts in memory, however long it is.
const PARTS_AT_ONCE: usize = 3;

impl Objects {
    /// Writes an object, in the place of one that is there already.
    pub async fn put(&self, key: ObjectKey, bytes: Bytes) -> Result<(), ObjectError> {
        let stored = match self.seal(key).await? {
            None => bytes,
            Some(mut sealed) => {
                let content = sealed.content.push(&bytes);
                [sealed.header, content, sealed.content.finish()].concat().into()
            }
        };
        self.store
            .put(&key.path(), PutPayload::from_bytes(stored))
            .await?;
        Ok(())
    }

    /// Writes a file as an object.
    pub async fn put_file(&self, key: ObjectKey, file: &FilePath) -> Result<Stored, ObjectError> {
        let file = tokio::fs::File::open(file)
            .await
            .map_err(ObjectError::LocalFile)?;
        self.put_stream(key, ReaderStream::with_capacity(file, 1 << 20), u64::MAX)
            .await
            .map_err(|error| match error {
                ObjectError::UploadBroken(source) => match source.downcast::<std::io::Error>() {
                    Ok(source) => ObjectError::LocalFile(*source),
                    Err(source) => ObjectError::UploadBroken(source),
                },
                other => other,
            })
    }

    /// Writes what a stream brings, in constant memory, and computes its hash on the way. Nothing is left
    /// behind if the stream fails, is longer than `limit_bytes`, or is dropped half-way.
    ///
    /// # Errors
    /// [`ObjectError::TooLarge`], [`ObjectError::UploadBroken`] with the stream's own error, or what the
    /// storage says.
    pub async fn put_stream<S, E>(
        &self,
        key: ObjectKey,
        stream: S,
        limit_bytes: u64,
    ) -> Result<Stored, ObjectError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut stream = std::pin::pin!(stream);
        let upload = self.store.put_multipart(&key.path()).await?;
        let mut upload = PendingUpload(Some(WriteMultipart::new_with_chunk_size(upload, PART_BYTES)));
        let mut sealer = match self.seal(key).await {
            Ok(None) => None,
            Ok(Some(sealed)) => {
                // No part is full yet: nothing is sent and nothing can fail.
                upload.write(sealed.header.into()).await?;
                Some(sealed.content)
            }
            Err(error) => return Err(upload.abort_because(error).await),
        };
        let mut hash = Sha256::new();
        let mut size_bytes = 0_u64;
        while let Some(bytes) = stream.next().await {
            let outcome = bytes.map_err(|error| ObjectError::UploadBroken(error.into()));
            let bytes = match outcome {
                Ok(bytes) => bytes,
                Err(error) => return Err(upload.abort_because(error).await),
            };
            size_bytes += bytes.len() as u64;
            if size_bytes > limit_bytes {
                return Err(upload.abort_because(ObjectError::TooLarge { limit_bytes }).await);
            }
            hash.update(&bytes);
            let bytes = match &mut sealer {
                Some(sealer) => sealer.push(&bytes).into(),
                None => bytes,
            };
            if let Err(error) = upload.write(bytes).await {
                return Err(upload.abort_because(error).await);
            }
        }
        if let Some(sealer) = sealer
            && let Err(error) = upload.write(sealer.finish().into()).await
        {
            return Err(upload.abort_because(error).await);
        }
        upload.finish().await?;
        Ok(Stored {
            size_bytes,
            sha256: hex::encode(hash.finalize()),
        })
    }
}

/// An upload that is aborted unless it is finished, also when the future that writes it is dropped: S3 would
/// keep (and charge for) the parts.
struct PendingUpload(Option<WriteMultipart>);

impl PendingUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectError> {
        if let Some(upload) = &mut self.0 {
            upload.wait_for_capacity(PARTS_AT_ONCE).await?;
            upload.put(bytes);
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<(), ObjectError> {
        if let Some(upload) = self.0.take() {
            upload.finish().await?;
        }
        Ok(())
    }

    /// Aborts and returns the reason: it counts, not what the abort says.
    async fn abort_because(mut self, reason: ObjectError) -> ObjectError {
        if let Some(upload) = self.0.take() {
            let _ = upload.abort().await;
        }
        reason
    }
}

impl Drop for PendingUpload {
    fn drop(&mut self) {
        if let (Some(upload), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(upload.abort());
        }
    }
}
