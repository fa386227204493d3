//! An encrypted object as a whole.

use aws_lc_rs::aead::LessSafeKey;

use crate::chunks::{self, Damaged, Sealer};
use crate::header::{self, HEADER_BYTES, MARK};
use crate::{DataKey, KeyEncryption, KeyError};

/// Why an encrypted object cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Damaged(#[from] Damaged),
}

/// What is stored first, and what encrypts the rest.
pub struct SealedObject {
    pub header: Vec<u8>,
    pub content: Sealer,
}

/// Begins an encrypted object with a key of its own, bound to `context`, the object's name.
pub async fn begin(keys: &dyn KeyEncryption, context: &str) -> Result<SealedObject, KeyError> {
    let data_key = DataKey::generate();
    let wrapped = keys.wrap(&data_key, context).await?;
    Ok(SealedObject {
        header: header::write(&wrapped),
        content: Sealer::new(data_key.cipher()),
    })
}

/// Encrypts what is in memory.
pub async fn seal(keys: &dyn KeyEncryption, context: &str, content: &[u8]) -> Result<Vec<u8>, KeyError> {
    let SealedObject {
        header: mut stored,
        content: mut sealer,
    } = begin(keys, context).await?;
    stored.append(&mut sealer.push(content));
    stored.append(&mut sealer.finish());
    Ok(stored)
}

/// Whether an object that begins so is an encrypted one.
pub fn is_sealed(beginning: &[u8]) -> bool {
    beginning.starts_with(&MARK)
}

/// The id of the key that an encrypted object needs, from its header.
///
/// # Errors
/// [`Damaged`] where the header is none.
pub fn key_id(beginning: &[u8]) -> Result<String, Damaged> {
    let header = beginning.get(..HEADER_BYTES).ok_or(Damaged)?;
    let (wrapped, _) = header::read_fields(header).ok_or(Damaged)?;
    Ok(wrapped.key_id)
}

/// Decrypts the chunks of an object.
pub struct Opener {
    cipher: LessSafeKey,
}

impl Opener {
    /// From an object's beginning, [`HEADER_BYTES`] of it at least; None where it is not encrypted.
    pub async fn of(
        keys: &dyn KeyEncryption,
        context: &str,
        beginning: &[u8],
    ) -> Result<Option<Self>, OpenError> {
        if !is_sealed(beginning) {
            return Ok(None);
        }
        let header = beginning.get(..HEADER_BYTES).ok_or(Damaged)?;
        let (wrapped, _) = header::read_fields(header).ok_or(Damaged)?;
        let data_key = keys.unwrap(&wrapped, context).await?;
        Ok(Some(Self {
            cipher: data_key.cipher(),
        }))
    }

    /// Decrypts the chunk of that number in place; gives the length of its content, which stands at its beginning.
    pub fn open(&self, number: u64, is_last: bool, chunk: &mut [u8]) -> Result<usize, Damaged> {
        chunks::open(&self.cipher, number, is_last, chunk)
    }
}
