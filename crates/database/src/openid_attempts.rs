//! Sign-ins by OpenID Connect between the way to the issuer and the way back.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::schema::openid_attempts;
use crate::{Database, DatabaseError, time};

/// What has to be known again when the browser comes back from the issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIdAttempt {
    /// SHA-256 of the state, which the browser alone holds.
    pub state_hash: [u8; 32],
    pub nonce: String,
    pub pkce_verifier: String,
    /// The page to go to at the end.
    pub return_to: String,
    pub expires_at: DateTime<Utc>,
}

impl Database {
    /// Keeps an attempt; those that were never finished are cleared away.
    pub async fn create_openid_attempt(&self, attempt: OpenIdAttempt) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            let now = time::to_row(time::now());
            diesel::delete(openid_attempts::table.filter(openid_attempts::expires_at.lt(now)))
                .execute(connection)?;
            diesel::insert_into(openid_attempts::table)
                .values((
                    openid_attempts::state_hash.eq(attempt.state_hash.to_vec()),
                    openid_attempts::nonce.eq(attempt.nonce),
                    openid_attempts::pkce_verifier.eq(attempt.pkce_verifier),
                    openid_attempts::return_to.eq(attempt.return_to),
                    openid_attempts::expires_at.eq(time::to_row(attempt.expires_at)),
                ))
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Takes an attempt out: a state works once. None where it is unknown or expired.
    pub async fn take_openid_attempt(
        &self,
        state_hash: [u8; 32],
    ) -> Result<Option<OpenIdAttempt>, DatabaseError> {
        self.change(move |connection| {
            let row: Option<(String, String, String, NaiveDateTime)> = openid_attempts::table
                .find(state_hash.to_vec())
                .select((
                    openid_attempts::nonce,
                    openid_attempts::pkce_verifier,
                    openid_attempts::return_to,
                    openid_attempts::expires_at,
                ))
                .first(connection)
                .optional()?;
            // Who deletes the row has it: of two that come at once, one.
            let deleted =
                diesel::delete(openid_attempts::table.find(state_hash.to_vec())).execute(connection)?;
            Ok(row
                .map(|(nonce, pkce_verifier, return_to, expires_at)| OpenIdAttempt {
                    state_hash,
                    nonce,
                    pkce_verifier,
                    return_to,
                    expires_at: time::from_row(expires_at),
                })
                .filter(|attempt| deleted > 0 && attempt.expires_at > time::now()))
        })
        .await
    }
}
