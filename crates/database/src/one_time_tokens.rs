//! Links that sign in once.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use norma_domain::UserId;

use crate::schema::{one_time_tokens, users};
use crate::sql_types::RowId;
use crate::users::UserRow;
use crate::{Database, DatabaseError, User, time};

impl Database {
    /// Keeps the hash of a new token; the account's older ones no longer work.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] where there is no such account.
    pub async fn create_one_time_token(
        &self,
        token_hash: [u8; 32],
        user_id: UserId,
        expires_at: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            diesel::delete(one_time_tokens::table.filter(one_time_tokens::user_id.eq(RowId::from(user_id))))
                .execute(connection)?;
            diesel::insert_into(one_time_tokens::table)
                .values((
                    one_time_tokens::token_hash.eq(token_hash.to_vec()),
                    one_time_tokens::user_id.eq(RowId::from(user_id)),
                    one_time_tokens::created_at.eq(time::to_row(time::now())),
                    one_time_tokens::expires_at.eq(time::to_row(expires_at)),
                ))
                .execute(connection)
                .map_err(|error| match DatabaseError::from(error) {
                    DatabaseError::ForeignKeyViolation { .. } => DatabaseError::NotFound("user"),
                    other => other,
                })?;
            Ok(())
        })
        .await
    }

    /// Whose token it is, as long as it can be used; it stays unused.
    pub async fn user_of_one_time_token(&self, token_hash: [u8; 32]) -> Result<Option<User>, DatabaseError> {
        self.run(move |connection| {
            let row = one_time_tokens::table
                .inner_join(users::table.on(one_time_tokens::user_id.eq(users::id)))
                .filter(one_time_tokens::token_hash.eq(token_hash.to_vec()))
                .filter(one_time_tokens::redeemed_at.is_null())
                .filter(one_time_tokens::expires_at.gt(time::to_row(time::now())))
                .filter(users::disabled.eq(false))
                .select(UserRow::as_select())
                .first(connection)
                .optional()?;
            row.map(User::try_from).transpose()
        })
        .await
    }

    /// Uses a token up and gives its account; none where it is unknown, used, expired, or the account is disabled.
    pub async fn redeem_one_time_token(&self, token_hash: [u8; 32]) -> Result<Option<User>, DatabaseError> {
        self.change(move |connection| {
            let now = time::to_row(time::now());
            let redeemed = diesel::update(
                one_time_tokens::table
                    .find(token_hash.to_vec())
                    .filter(one_time_tokens::redeemed_at.is_null())
                    .filter(one_time_tokens::expires_at.gt(now)),
            )
            .set(one_time_tokens::redeemed_at.eq(now))
            .execute(connection)?;
            if redeemed == 0 {
                return Ok(None);
            }
            let row = one_time_tokens::table
                .inner_join(users::table.on(one_time_tokens::user_id.eq(users::id)))
                .filter(one_time_tokens::token_hash.eq(token_hash.to_vec()))
                .filter(users::disabled.eq(false))
                .select(UserRow::as_select())
                .first(connection)
                .optional()?;
            row.map(User::try_from).transpose()
        })
        .await
    }
}
