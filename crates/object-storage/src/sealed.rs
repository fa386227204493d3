//! Objects that are encrypted as they are stored. What was stored before is told by its beginning and stays readable.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use norma_encryption::{
    HEADER_BYTES, KeyEncryption, KeyError, Layout, OpenError, Opener, SealedObject, begin, is_sealed, key_id,
};
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore as _, ObjectStoreExt as _};

use crate::{Encryption, ObjectError, ObjectKey, Objects};

/// How an object is stored.
pub(crate) enum Form {
    Plain,
    /// With its first [`HEADER_BYTES`].
    Sealed(Bytes, Layout),
}

/// What a look at an object's beginning says.
pub(crate) struct Look {
    pub(crate) meta: ObjectMeta,
    pub(crate) form: Form,
}

impl Look {
    /// Bytes of the content.
    pub(crate) fn size_bytes(&self) -> u64 {
        match &self.form {
            Form::Plain => self.meta.size,
            Form::Sealed(_, layout) => layout.plain_bytes(),
        }
    }
}

impl Objects {
    /// The same storage, whose objects are encrypted from now on.
    #[must_use]
    pub fn encrypted(mut self, encryption: Encryption) -> Self {
        self.encryption = Some(encryption);
        self
    }

    /// The keys that objects are encrypted with; None where they are not.
    pub fn keys(&self) -> Option<&Arc<dyn KeyEncryption>> {
        self.encryption.as_ref().map(|encryption| &encryption.keys)
    }

    /// Begins an object; None where objects are stored as they come.
    pub(crate) async fn seal(&self, key: ObjectKey) -> Result<Option<SealedObject>, ObjectError> {
        let Some(encryption) = &self.encryption else {
            return Ok(None);
        };
        let begun = begin(encryption.keys.as_ref(), &key.to_string()).await;
        begun.map(Some).map_err(|source| ObjectError::Key { key, source })
    }

    /// Opens an object that is encrypted.
    pub(crate) async fn opener(&self, key: ObjectKey, header: &[u8]) -> Result<Opener, ObjectError> {
        let keys = self.keys().ok_or(ObjectError::Key {
            key,
            source: KeyError::NoKeys,
        })?;
        match Opener::of(keys.as_ref(), &key.to_string(), header).await {
            Ok(opener) => opener.ok_or(ObjectError::Damaged(key)),
            Err(OpenError::Key(source)) => Err(ObjectError::Key { key, source }),
            Err(OpenError::Damaged(_)) => Err(ObjectError::Damaged(key)),
        }
    }

    /// Looks at an object's beginning.
    pub(crate) async fn look(&self, key: ObjectKey) -> Result<Look, ObjectError> {
        let beginning = GetOptions {
            range: Some(GetRange::Bounded(0..HEADER_BYTES as u64)),
            ..GetOptions::default()
        };
        match self.store.get_opts(&key.path(), beginning).await {
            Ok(found) => {
                let meta = found.meta.clone();
                let header = found.bytes().await.map_err(|error| ObjectError::of(key, error))?;
                let form = self.form(key, header, meta.size)?;
                Ok(Look { meta, form })
            }
            Err(object_store::Error::NotFound { .. }) => Err(ObjectError::NotFound(key)),
            // An object without a byte has no beginning.
            Err(error) => match self.store.head(&key.path()).await {
                Ok(meta) if meta.size == 0 => Ok(Look {
                    form: self.form(key, Bytes::new(), 0)?,
                    meta,
                }),
                _ => Err(ObjectError::of(key, error)),
            },
        }
    }

    /// How an object with that beginning and size is stored.
    pub(crate) fn form(
        &self,
        key: ObjectKey,
        beginning: Bytes,
        size_bytes: u64,
    ) -> Result<Form, ObjectError> {
        if is_sealed(&beginning) {
            let layout = Layout::of_stored(size_bytes).ok_or(ObjectError::Damaged(key))?;
            return Ok(Form::Sealed(beginning, layout));
        }
        match &self.encryption {
            Some(encryption) if !encryption.accepts_plain => Err(ObjectError::NotEncrypted(key)),
            _ => Ok(Form::Plain),
        }
    }

    /// The id of the key that an object is encrypted with; None where it is stored as it came.
    pub async fn key_id(&self, key: ObjectKey) -> Result<Option<String>, ObjectError> {
        // Whoever asks wants to know, also where plain objects are refused.
        let looked = Self {
            encryption: None,
            ..self.clone()
        };
        match looked.look(key).await?.form {
            Form::Plain => Ok(None),
            Form::Sealed(header, _) => key_id(&header).map(Some).map_err(|_| ObjectError::Damaged(key)),
        }
    }

    /// Stores an object again where it is not encrypted with the key in use; says whether it had to be. Whoever reads meanwhile
    /// sees the one or the other.
    ///
    /// # Errors
    /// [`ObjectError::Key`] where objects are not encrypted here, and as reading and writing do; the object is then as it was.
    pub async fn encrypt_again(&self, key: ObjectKey) -> Result<bool, ObjectError> {
        let encryption = self.encryption.clone().ok_or(ObjectError::Key {
            key,
            source: KeyError::NoKeys,
        })?;
        let found = self.key_id(key).await?;
        if found.as_deref() == Some(encryption.keys.key_in_use()) {
            return Ok(false);
        }
        let reading = self.clone().encrypted(Encryption {
            accepts_plain: true,
            ..encryption
        });
        let content = reading.get_stream(key, None).await?;
        self.put_stream(key, content.bytes, u64::MAX)
            .await
            .map_err(|error| match error {
                ObjectError::UploadBroken(source) => match source.downcast::<ObjectError>() {
                    Ok(source) => *source,
                    Err(source) => ObjectError::UploadBroken(source),
                },
                other => other,
            })?;
        Ok(true)
    }

    /// The bytes `range` of the content of an encrypted object, which lies within it. `sealed` begins with the chunk that holds
    /// the first of them.
    pub(crate) fn open_stream(
        key: ObjectKey,
        opener: Opener,
        layout: Layout,
        range: Range<u64>,
        sealed: impl Stream<Item = Result<Bytes, ObjectError>> + Send + 'static,
    ) -> BoxStream<'static, Result<Bytes, ObjectError>> {
        let mut chunks = layout.chunks(&range);
        let opening = Opening {
            key,
            opener,
            layout,
            sealed: sealed.boxed(),
            come: BytesMut::new(),
            range,
        };
        let next = chunks.next();
        stream::try_unfold(
            (opening, chunks, next),
            async |(mut opening, mut chunks, next)| {
                let Some(chunk) = next else {
                    return Ok(None);
                };
                let content = opening.chunk(chunk).await?;
                let next = chunks.next();
                Ok(Some((content, (opening, chunks, next))))
            },
        )
        .boxed()
    }
}

/// An encrypted object on its way.
struct Opening {
    key: ObjectKey,
    opener: Opener,
    layout: Layout,
    sealed: BoxStream<'static, Result<Bytes, ObjectError>>,
    /// What has come and was not opened yet.
    come: BytesMut,
    range: Range<u64>,
}

impl Opening {
    /// What is asked of the content of a chunk, the next one.
    async fn chunk(&mut self, chunk: u64) -> Result<Bytes, ObjectError> {
        let stored_bytes = self.layout.stored_bytes(chunk);
        while self.come.len() < stored_bytes {
            let more = self.sealed.try_next().await?;
            self.come
                .extend_from_slice(&more.ok_or(ObjectError::Truncated(self.key))?);
        }
        let mut content = self.come.split_to(stored_bytes);
        let opened = self.opener.open(chunk, self.layout.is_last(chunk), &mut content);
        content.truncate(opened.map_err(|_| ObjectError::Damaged(self.key))?);
        let start = Layout::start(chunk);
        let within = |byte: u64| {
            let offset = byte.saturating_sub(start);
            usize::try_from(offset).map_or(content.len(), |offset| offset.min(content.len()))
        };
        let asked = within(self.range.start)..within(self.range.end);
        Ok(content.freeze().slice(asked))
    }
}
