//! Small secrets in rows of the database.

use crate::chunks;
use crate::header;
use crate::object::{OpenError, is_sealed};
use crate::{Damaged, DataKey, KeyEncryption, KeyError, Sealer};

/// What the secret of an account's second factor is bound to.
pub fn second_factor_context(user_id: &str) -> String {
    format!("second-factors/{user_id}")
}

/// Encrypts a secret with a key of its own, bound to `context`, the row's name.
pub async fn seal_secret(
    keys: &dyn KeyEncryption,
    context: &str,
    secret: &[u8],
) -> Result<Vec<u8>, KeyError> {
    let data_key = DataKey::generate();
    let wrapped = keys.wrap(&data_key, context).await?;
    let mut stored = Vec::new();
    header::write_fields(&mut stored, &wrapped);
    let mut sealer = Sealer::new(data_key.cipher());
    stored.append(&mut sealer.push(secret));
    stored.append(&mut sealer.finish());
    Ok(stored)
}

/// The secret; what is not encrypted is given as it is.
///
/// # Errors
/// [`KeyError::NoKeys`] where it is encrypted and there are none.
pub async fn open_secret(
    keys: Option<&dyn KeyEncryption>,
    context: &str,
    stored: Vec<u8>,
) -> Result<Vec<u8>, OpenError> {
    if !is_sealed(&stored) {
        return Ok(stored);
    }
    let (wrapped, sealed) = header::read_fields(&stored).ok_or(Damaged)?;
    let keys = keys.ok_or(KeyError::NoKeys)?;
    let data_key = keys.unwrap(&wrapped, context).await?;
    let mut secret = sealed.to_vec();
    let length = chunks::open(&data_key.cipher(), 0, true, &mut secret)?;
    secret.truncate(length);
    Ok(secret)
}

/// The id of the key that a stored secret is encrypted with; None where it is not.
///
/// # Errors
/// [`Damaged`] where it is neither.
pub fn secret_key_id(stored: &[u8]) -> Result<Option<String>, Damaged> {
    if !is_sealed(stored) {
        return Ok(None);
    }
    let (wrapped, _) = header::read_fields(stored).ok_or(Damaged)?;
    Ok(Some(wrapped.key_id))
}
