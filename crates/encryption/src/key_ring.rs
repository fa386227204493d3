//! Key encryption keys in a file.

use std::fmt;
use std::path::Path;

use async_trait::async_trait;
use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use secrecy::zeroize::Zeroizing;

use crate::data_key::{DataKey, KEY_BYTES};
use crate::header::is_key_id;
use crate::{KeyEncryption, KeyError, WrappedKey};

/// Bound to every wrapped key, so that it is taken for nothing else.
const PURPOSE: &str = "norma data key 1";

/// A file of keys that cannot be used. No line of it is repeated.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    #[error("the file of keys cannot be read")]
    Unreadable(#[source] std::io::Error),
    #[error("line {line} of the file of keys {problem}")]
    Line { line: usize, problem: &'static str },
    #[error("the file of keys holds none; `norma storage new-key ID` makes one")]
    Empty,
    #[error("the id of a key has 1 to 64 letters, digits, and - _ . : /")]
    Id,
}

/// Keys by their ids, from a file: one a line, its id and 32 bytes in base64. The first is in use, the others open what was encrypted
/// with them. A line that begins with `#` is none.
pub struct KeyRing {
    /// Never empty.
    keys: Vec<(String, DataKey)>,
}

impl KeyRing {
    /// # Errors
    /// [`KeyRingError`], with the number of the line.
    pub fn read(file: &Path) -> Result<Self, KeyRingError> {
        let text = std::fs::read_to_string(file).map_err(KeyRingError::Unreadable)?;
        Self::parse(&Zeroizing::new(text))
    }

    /// # Errors
    /// As [`KeyRing::read`].
    pub fn parse(text: &str) -> Result<Self, KeyRingError> {
        let mut keys: Vec<(String, DataKey)> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |problem| KeyRingError::Line {
                line: number + 1,
                problem,
            };
            let (id, key) = line
                .split_once(char::is_whitespace)
                .ok_or_else(|| wrong("is no id and key with a blank between"))?;
            if !is_key_id(id) {
                return Err(KeyRingError::Id);
            }
            if keys.iter().any(|(known, _)| known == id) {
                return Err(wrong("has the id of an earlier one"));
            }
            let bytes = Zeroizing::new(STANDARD.decode(key.trim()).unwrap_or_default());
            let key = DataKey::from_bytes(&bytes).ok_or_else(|| wrong("holds no 32 bytes in base64"))?;
            keys.push((id.to_owned(), key));
        }
        if keys.is_empty() {
            return Err(KeyRingError::Empty);
        }
        Ok(Self { keys })
    }

    /// A line with a new key.
    ///
    /// # Errors
    /// [`KeyRingError::Id`].
    pub fn new_line(id: &str) -> Result<String, KeyRingError> {
        if !is_key_id(id) {
            return Err(KeyRingError::Id);
        }
        Ok(format!(
            "{id} {}\n",
            STANDARD.encode(DataKey::generate().expose())
        ))
    }

    fn in_use(&self) -> &(String, DataKey) {
        self.keys.first().expect("a ring without keys is not made")
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_list()
            .entries(self.keys.iter().map(|(id, _)| id))
            .finish()
    }
}

fn bound_to(key_id: &str, context: &str) -> Aad<String> {
    Aad::from(format!("{PURPOSE}\n{key_id}\n{context}"))
}

#[async_trait]
impl KeyEncryption for KeyRing {
    async fn wrap(&self, data_key: &DataKey, context: &str) -> Result<WrappedKey, KeyError> {
        let (key_id, key) = self.in_use();
        let mut nonce = [0; NONCE_LEN];
        OsRng
            .try_fill_bytes(&mut nonce)
            .map_err(|error| KeyError::Service(Box::new(error)))?;
        let mut wrapped = data_key.expose().to_vec();
        key.cipher()
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                bound_to(key_id, context),
                &mut wrapped,
            )
            .expect("a key is shorter than AES-GCM allows");
        Ok(WrappedKey {
            key_id: key_id.clone(),
            bytes: [nonce.as_slice(), &wrapped].concat(),
        })
    }

    async fn unwrap(&self, wrapped: &WrappedKey, context: &str) -> Result<DataKey, KeyError> {
        let WrappedKey { key_id, bytes } = wrapped;
        let known = self.keys.iter().find(|(id, _)| id == key_id);
        let (_, key) = known.ok_or_else(|| KeyError::Unknown {
            key_id: key_id.clone(),
        })?;
        let does_not_fit = || KeyError::DoesNotFit {
            key_id: key_id.clone(),
        };
        let (nonce, sealed) = bytes.split_first_chunk().ok_or_else(does_not_fit)?;
        let mut data_key = Zeroizing::new(sealed.to_vec());
        let opened = key
            .cipher()
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                bound_to(key_id, context),
                &mut data_key,
            )
            .map_err(|_| does_not_fit())?;
        debug_assert_eq!(opened.len(), KEY_BYTES);
        DataKey::from_bytes(opened).ok_or_else(does_not_fit)
    }

    fn key_in_use(&self) -> &str {
        &self.in_use().0
    }
}
