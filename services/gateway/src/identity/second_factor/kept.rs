//! Secrets of second factors as they lie in the database: encrypted where the settings name keys.

use norma_access::TotpSecret;
use norma_domain::UserId;
use norma_encryption::{KeyError, OpenError, open_secret, seal_secret, second_factor_context};

use crate::identity::sign_in::Identity;
use crate::problem::ApiError;

/// What is to be stored.
pub(super) async fn kept(identity: &Identity, id: UserId, secret: &TotpSecret) -> Result<Vec<u8>, ApiError> {
    let Some(keys) = identity.keys() else {
        return Ok(secret.expose().to_vec());
    };
    let context = second_factor_context(&id.to_string());
    let sealed = seal_secret(keys, &context, secret.expose()).await;
    sealed.map_err(unavailable)
}

/// What was stored, whether it was encrypted or not.
pub(super) async fn opened(identity: &Identity, id: UserId, stored: Vec<u8>) -> Result<TotpSecret, ApiError> {
    let context = second_factor_context(&id.to_string());
    match open_secret(identity.keys(), &context, stored).await {
        Ok(secret) => Ok(TotpSecret::from_bytes(secret)),
        Err(OpenError::Key(error)) => Err(unavailable(error)),
        Err(error @ OpenError::Damaged(_)) => Err(ApiError::internal(error)),
    }
}

/// Nobody's code is wrong because a key is missing.
fn unavailable(error: KeyError) -> ApiError {
    ApiError::Unavailable {
        dependency: "keys",
        source: error.into(),
    }
}
