use std::error::Error;

use async_trait::async_trait;

use crate::DataKey;

/// A data key as it is stored: encrypted with the key encryption key of that id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    pub key_id: String,
    pub bytes: Vec<u8>,
}

/// Why a data key cannot be had. Nothing of a key stands in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key {key_id} is not among those that are configured")]
    Unknown { key_id: String },
    /// Another key of the same id, another object's key, or damage.
    #[error("the key {key_id} does not fit")]
    DoesNotFit { key_id: String },
    #[error("encrypted content needs keys, and none are configured")]
    NoKeys,
    /// It may answer later.
    #[error("the key management service does not answer")]
    Service(#[source] Box<dyn Error + Send + Sync>),
}

/// Encrypts data keys: a file of keys ([`crate::KeyRing`]) or a key management service, which keeps its keys to itself.
#[async_trait]
pub trait KeyEncryption: Send + Sync {
    /// Wraps a data key with the key in use. It can be unwrapped for the same context alone.
    async fn wrap(&self, data_key: &DataKey, context: &str) -> Result<WrappedKey, KeyError>;

    /// # Errors
    /// [`KeyError::Unknown`], [`KeyError::DoesNotFit`], [`KeyError::Service`].
    async fn unwrap(&self, wrapped: &WrappedKey, context: &str) -> Result<DataKey, KeyError>;

    /// The id of the key that new data keys are wrapped with.
    fn key_in_use(&self) -> &str;
}
