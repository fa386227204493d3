//! Second factors of local accounts: secrets that codes are reckoned from, and codes for a lost device.

use diesel::prelude::*;
use norma_domain::UserId;

use crate::connection::AnyConnection;
use crate::schema::{sessions, users};
use crate::sign_in_schema::{recovery_codes, second_factors};
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, time};

/// A second factor whose first code was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSecondFactor {
    pub user_id: UserId,
    /// The secret that the code was of, so that none is confirmed that was replaced meanwhile.
    pub secret: Vec<u8>,
    /// The step of time of that code.
    pub step: i64,
    /// SHA-256 of the codes for a lost device.
    pub recovery_code_hashes: Vec<[u8; 32]>,
    /// SHA-256 of the token of the session that goes on; all others of the account end.
    pub kept_session: [u8; 32],
}

impl Database {
    /// Keeps a secret that waits for its first code, in place of an earlier one that waited. Says whether it did: not
    /// where the account has a second factor.
    pub async fn begin_second_factor(&self, user_id: UserId, secret: Vec<u8>) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let id = RowId::from(user_id);
            if has_second_factor(connection, id)? != Some(false) {
                return Ok(false);
            }
            diesel::delete(second_factors::table.find(id)).execute(connection)?;
            diesel::insert_into(second_factors::table)
                .values((
                    second_factors::user_id.eq(id),
                    second_factors::secret.eq(secret),
                    second_factors::last_step.eq(0),
                    second_factors::created_at.eq(time::to_row(time::now())),
                ))
                .execute(connection)?;
            Ok(true)
        })
        .await
    }

    /// The secret of an account's second factor, also of one that waits for its first code.
    pub async fn second_factor_secret(&self, user_id: UserId) -> Result<Option<Vec<u8>>, DatabaseError> {
        self.run(move |connection| {
            let secret = second_factors::table
                .find(RowId::from(user_id))
                .select(second_factors::secret)
                .first(connection)
                .optional()?;
            Ok(secret)
        })
        .await
    }

    /// Every secret as it is stored, to be encrypted again.
    pub async fn second_factor_secrets(&self) -> Result<Vec<(UserId, Vec<u8>)>, DatabaseError> {
        self.run(|connection| {
            let rows: Vec<(RowId, Vec<u8>)> = second_factors::table
                .select((second_factors::user_id, second_factors::secret))
                .order(second_factors::user_id)
                .load(connection)?;
            Ok(rows.into_iter().map(|(id, secret)| (id.into(), secret)).collect())
        })
        .await
    }

    /// Stores the same secret in another form. Says whether it did: not where another was begun meanwhile.
    pub async fn replace_second_factor_secret(
        &self,
        user_id: UserId,
        stored: Vec<u8>,
        again: Vec<u8>,
    ) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let unchanged = second_factors::table
                .find(RowId::from(user_id))
                .filter(second_factors::secret.eq(stored));
            let replaced = diesel::update(unchanged)
                .set(second_factors::secret.eq(again))
                .execute(connection)?;
            Ok(replaced > 0)
        })
        .await
    }

    /// From now on the account is asked for codes. Says whether it is: not where it was already, nor where another
    /// secret was begun meanwhile.
    pub async fn confirm_second_factor(&self, new: NewSecondFactor) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let id = RowId::from(new.user_id);
            if has_second_factor(connection, id)? != Some(false) {
                return Ok(false);
            }
            let waiting = second_factors::table
                .find(id)
                .filter(second_factors::secret.eq(new.secret));
            let confirmed = diesel::update(waiting)
                .set(second_factors::last_step.eq(new.step))
                .execute(connection)?;
            if confirmed == 0 {
                return Ok(false);
            }
            let now = time::to_row(time::now());
            diesel::update(users::table.find(id))
                .set((users::second_factor_at.eq(now), users::updated_at.eq(now)))
                .execute(connection)?;
            replace_recovery_codes(connection, id, &new.recovery_code_hashes)?;
            let others = sessions::table
                .filter(sessions::user_id.eq(id))
                .filter(sessions::token_hash.ne(new.kept_session.to_vec()));
            diesel::delete(others).execute(connection)?;
            Ok(true)
        })
        .await
    }

    /// Uses the code of a step of time up. Says whether it could be: neither it nor a later one was used before.
    pub async fn use_second_factor_step(&self, user_id: UserId, step: i64) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let unused = second_factors::table
                .find(RowId::from(user_id))
                .filter(second_factors::last_step.lt(step));
            let used = diesel::update(unused)
                .set(second_factors::last_step.eq(step))
                .execute(connection)?;
            Ok(used > 0)
        })
        .await
    }

    /// Uses a code for a lost device up. Says whether there was such a code.
    pub async fn use_recovery_code(
        &self,
        user_id: UserId,
        code_hash: [u8; 32],
    ) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let code = recovery_codes::table.find((RowId::from(user_id), code_hash.to_vec()));
            Ok(diesel::delete(code).execute(connection)? > 0)
        })
        .await
    }

    /// How many codes for a lost device are left.
    pub async fn recovery_codes_left(&self, user_id: UserId) -> Result<u64, DatabaseError> {
        self.run(move |connection| {
            let left: i64 = recovery_codes::table
                .filter(recovery_codes::user_id.eq(RowId::from(user_id)))
                .count()
                .get_result(connection)?;
            Ok(left.unsigned_abs())
        })
        .await
    }

    /// New codes for a lost device; those before no longer work. Says whether the account has a second factor.
    pub async fn renew_recovery_codes(
        &self,
        user_id: UserId,
        code_hashes: Vec<[u8; 32]>,
    ) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let id = RowId::from(user_id);
            if has_second_factor(connection, id)? != Some(true) {
                return Ok(false);
            }
            replace_recovery_codes(connection, id, &code_hashes)?;
            Ok(true)
        })
        .await
    }

    /// Takes an account's second factor away, with what waits for its first code, and ends its sessions but for the one of
    /// `kept`. Says whether it had one.
    pub async fn remove_second_factor(
        &self,
        user_id: UserId,
        kept: Option<[u8; 32]>,
    ) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let id = RowId::from(user_id);
            let had = has_second_factor(connection, id)? == Some(true);
            diesel::delete(second_factors::table.find(id)).execute(connection)?;
            replace_recovery_codes(connection, id, &[])?;
            if had {
                let now = time::to_row(time::now());
                diesel::update(users::table.find(id))
                    .set((
                        users::second_factor_at.eq(None::<chrono::NaiveDateTime>),
                        users::updated_at.eq(now),
                    ))
                    .execute(connection)?;
                // No token has an empty hash.
                let kept = kept.map(|hash| hash.to_vec()).unwrap_or_default();
                let others = sessions::table
                    .filter(sessions::user_id.eq(id))
                    .filter(sessions::token_hash.ne(kept));
                diesel::delete(others).execute(connection)?;
            }
            Ok(had)
        })
        .await
    }
}

/// None where there is no such account. Its row stays as it is until the change has ended: two that begin or confirm at
/// once come one after the other.
fn has_second_factor(connection: &mut AnyConnection, id: RowId) -> Result<Option<bool>, DatabaseError> {
    let since = users::table.find(id).select(users::second_factor_at);
    let since: Option<Option<chrono::NaiveDateTime>> = match connection {
        AnyConnection::Postgres(inner) => since.for_update().first(inner).optional()?,
        // Its transaction is the only writer.
        AnyConnection::Sqlite(inner) => since.first(inner).optional()?,
    };
    Ok(since.map(|since| since.is_some()))
}

fn replace_recovery_codes(
    connection: &mut AnyConnection,
    id: RowId,
    code_hashes: &[[u8; 32]],
) -> Result<(), DatabaseError> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(id))).execute(connection)?;
    for hash in code_hashes {
        diesel::insert_into(recovery_codes::table)
            .values((
                recovery_codes::user_id.eq(id),
                recovery_codes::code_hash.eq(hash.to_vec()),
            ))
            .execute(connection)?;
    }
    Ok(())
}
