//! Second factors of local accounts: secrets that codes are reckoned from, and codes for a lost device.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use norma_domain::UserId;

use crate::connection::AnyConnection;
use crate::schema::users;
use crate::second_factor_state::{
    end_other_sessions, lock_account, remove_passkeys, replace_recovery_codes, settle_second_factor,
};
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
    /// where the account has codes.
    pub async fn begin_second_factor(&self, user_id: UserId, secret: Vec<u8>) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let id = RowId::from(user_id);
            if has_codes(connection, id)? != Some(false) {
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
            if has_codes(connection, id)? != Some(false) {
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
            let since = users::table.find(id).filter(users::second_factor_at.is_null());
            diesel::update(since)
                .set(users::second_factor_at.eq(now))
                .execute(connection)?;
            diesel::update(users::table.find(id))
                .set(users::updated_at.eq(now))
                .execute(connection)?;
            replace_recovery_codes(connection, id, &new.recovery_code_hashes)?;
            end_other_sessions(connection, id, Some(new.kept_session))?;
            Ok(true)
        })
        .await
    }

    /// Since when codes are asked for; None where none are.
    pub async fn codes_since(&self, user_id: UserId) -> Result<Option<DateTime<Utc>>, DatabaseError> {
        self.run(move |connection| {
            let since: Option<NaiveDateTime> = second_factors::table
                .find(RowId::from(user_id))
                .filter(second_factors::last_step.gt(0))
                .select(second_factors::created_at)
                .first(connection)
                .optional()?;
            Ok(since.map(time::from_row))
        })
        .await
    }

    /// Uses the code of a step of time up. Says whether it could be: neither it nor a later one was used before, and the
    /// secret waits for no first code, which is another's who began it with a passkey beside it.
    pub async fn use_second_factor_step(&self, user_id: UserId, step: i64) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let unused = second_factors::table
                .find(RowId::from(user_id))
                .filter(second_factors::last_step.gt(0))
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
            if !matches!(lock_account(connection, id)?, Some(Some(_))) {
                return Ok(false);
            }
            replace_recovery_codes(connection, id, &code_hashes)?;
            Ok(true)
        })
        .await
    }

    /// Takes an account's codes away, with what waits for its first code, and ends its sessions but for the one of `kept`. Says
    /// whether it had codes. Passkeys stay, and recovery codes beside them.
    pub async fn remove_codes(&self, user_id: UserId, kept: [u8; 32]) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let id = RowId::from(user_id);
            let had = has_codes(connection, id)? == Some(true);
            diesel::delete(second_factors::table.find(id)).execute(connection)?;
            if had {
                settle_second_factor(connection, id)?;
                end_other_sessions(connection, id, Some(kept))?;
            }
            Ok(had)
        })
        .await
    }

    /// Takes every second factor of an account away, codes and passkeys, and ends its sessions. Says whether it had one.
    pub async fn remove_second_factor(&self, user_id: UserId) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let id = RowId::from(user_id);
            let had = matches!(lock_account(connection, id)?, Some(Some(_)));
            diesel::delete(second_factors::table.find(id)).execute(connection)?;
            remove_passkeys(connection, id)?;
            if had {
                end_other_sessions(connection, id, None)?;
            }
            Ok(had)
        })
        .await
    }
}

/// Whether codes are asked for; None where there is no such account.
fn has_codes(connection: &mut AnyConnection, id: RowId) -> Result<Option<bool>, DatabaseError> {
    if lock_account(connection, id)?.is_none() {
        return Ok(None);
    }
    let confirmed = second_factors::table
        .find(id)
        .filter(second_factors::last_step.gt(0))
        .count();
    Ok(Some(confirmed.get_result::<i64>(connection)? > 0))
}
