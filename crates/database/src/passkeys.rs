//! Passkeys of local accounts: added, used, and taken away.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use norma_domain::{PasskeyId, UserId};

use crate::connection::AnyConnection;
use crate::schema::users;
use crate::second_factor_state::{
    end_other_sessions, lock_account, replace_recovery_codes, settle_second_factor,
};
use crate::sign_in_schema::passkeys;
use crate::sql_types::RowId;
use crate::text::refuse_nul;
use crate::users::find;
use crate::{Database, DatabaseError, User, time};

/// Most that an account has.
pub const MOST_PASSKEYS: i64 = 20;

/// What an authenticator said of a passkey, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyCredential {
    pub credential_id: Vec<u8>,
    /// COSE.
    pub public_key: Vec<u8>,
    /// COSE.
    pub algorithm: i32,
    pub counter: u32,
    /// Comma-separated.
    pub transports: String,
    pub is_backup_eligible: bool,
}

/// A passkey of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPasskey {
    pub id: PasskeyId,
    pub name: String,
    pub credential: PasskeyCredential,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A passkey to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPasskey {
    pub user_id: UserId,
    pub name: String,
    pub credential: PasskeyCredential,
    /// SHA-256 of codes for a lost device, taken over where the account had no second factor.
    pub recovery_code_hashes: Vec<[u8; 32]>,
    /// SHA-256 of the token of the session that goes on where all others end.
    pub kept_session: [u8; 32],
}

/// What came of adding a passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddedPasskey {
    /// `is_first`: the account had no second factor; its other sessions have ended, and the recovery codes count.
    Added {
        passkey: StoredPasskey,
        is_first: bool,
    },
    /// Some account has it already.
    Known,
    TooMany,
    /// There is no such account.
    NoAccount,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = passkeys, treat_none_as_default_value = false)]
struct PasskeyRow {
    id: RowId,
    user_id: RowId,
    name: String,
    credential_id: Vec<u8>,
    public_key: Vec<u8>,
    algorithm: i32,
    counter: i64,
    transports: String,
    backup_eligible: bool,
    created_at: NaiveDateTime,
    last_used_at: Option<NaiveDateTime>,
}

impl From<PasskeyRow> for StoredPasskey {
    fn from(row: PasskeyRow) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            credential: PasskeyCredential {
                credential_id: row.credential_id,
                public_key: row.public_key,
                algorithm: row.algorithm,
                // Never negative: one that were could not be used any more.
                counter: u32::try_from(row.counter).unwrap_or(u32::MAX),
                transports: row.transports,
                is_backup_eligible: row.backup_eligible,
            },
            created_at: time::from_row(row.created_at),
            last_used_at: row.last_used_at.map(time::from_row),
        }
    }
}

impl Database {
    /// Adds a passkey. Where it is the account's first second factor, every other session of the account ends.
    pub async fn add_passkey(&self, new: NewPasskey) -> Result<AddedPasskey, DatabaseError> {
        refuse_nul("name", &new.name)?;
        self.change(move |connection| {
            let id = RowId::from(new.user_id);
            let Some(since) = lock_account(connection, id)? else {
                return Ok(AddedPasskey::NoAccount);
            };
            let of_account = passkeys::table.filter(passkeys::user_id.eq(id)).count();
            if of_account.get_result::<i64>(connection)? >= MOST_PASSKEYS {
                return Ok(AddedPasskey::TooMany);
            }
            let now = time::to_row(time::now());
            let row = PasskeyRow {
                id: PasskeyId::generate().into(),
                user_id: id,
                name: new.name,
                credential_id: new.credential.credential_id,
                public_key: new.credential.public_key,
                algorithm: new.credential.algorithm,
                counter: new.credential.counter.into(),
                transports: new.credential.transports,
                backup_eligible: new.credential.is_backup_eligible,
                created_at: now,
                last_used_at: None,
            };
            let insertion = diesel::insert_into(passkeys::table).values(&row);
            let added = match connection {
                AnyConnection::Postgres(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
                AnyConnection::Sqlite(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
            };
            if added == 0 {
                return Ok(AddedPasskey::Known);
            }
            let is_first = since.is_none();
            if is_first {
                diesel::update(users::table.find(id))
                    .set((users::second_factor_at.eq(now), users::updated_at.eq(now)))
                    .execute(connection)?;
                replace_recovery_codes(connection, id, &new.recovery_code_hashes)?;
                end_other_sessions(connection, id, Some(new.kept_session))?;
            }
            Ok(AddedPasskey::Added {
                passkey: row.into(),
                is_first,
            })
        })
        .await
    }

    /// An account's passkeys, the oldest first.
    pub async fn list_passkeys(&self, user_id: UserId) -> Result<Vec<StoredPasskey>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<PasskeyRow> = passkeys::table
                .filter(passkeys::user_id.eq(RowId::from(user_id)))
                .order((passkeys::created_at, passkeys::id))
                .select(PasskeyRow::as_select())
                .load(connection)?;
            Ok(rows.into_iter().map(StoredPasskey::from).collect())
        })
        .await
    }

    /// The passkey of what an authenticator calls it, and whose it is; not of an account that is disabled.
    pub async fn passkey_of_credential(
        &self,
        credential_id: Vec<u8>,
    ) -> Result<Option<(StoredPasskey, User)>, DatabaseError> {
        self.run(move |connection| {
            let row: Option<PasskeyRow> = passkeys::table
                .filter(passkeys::credential_id.eq(credential_id))
                .select(PasskeyRow::as_select())
                .first(connection)
                .optional()?;
            let Some(row) = row else {
                return Ok(None);
            };
            let user = find(connection, row.user_id.into())?;
            Ok(user.filter(|user| !user.disabled).map(|user| (row.into(), user)))
        })
        .await
    }

    /// Notes a use with what the authenticator counted. Says whether it could be: a use that counted as much or more came
    /// first, or the passkey has gone.
    pub async fn use_passkey(&self, id: PasskeyId, counter: u32) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let counted = i64::from(counter);
            let unused = passkeys::table.find(RowId::from(id)).filter(
                passkeys::counter
                    .lt(counted)
                    // Neither then nor now: it does not count.
                    .or(passkeys::counter.eq(0).and(passkeys::counter.eq(counted))),
            );
            let used = diesel::update(unused)
                .set((
                    passkeys::counter.eq(counted),
                    passkeys::last_used_at.eq(time::to_row(time::now())),
                ))
                .execute(connection)?;
            Ok(used > 0)
        })
        .await
    }

    /// Takes a passkey away and ends the account's sessions but for the one of `kept`. Where it was the last second factor,
    /// none is asked for any more. Says whether the account had it.
    pub async fn remove_passkey(
        &self,
        user_id: UserId,
        id: PasskeyId,
        kept: Option<[u8; 32]>,
    ) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let account = RowId::from(user_id);
            lock_account(connection, account)?;
            let own = passkeys::table
                .find(RowId::from(id))
                .filter(passkeys::user_id.eq(account));
            if diesel::delete(own).execute(connection)? == 0 {
                return Ok(false);
            }
            settle_second_factor(connection, account)?;
            end_other_sessions(connection, account, kept)?;
            Ok(true)
        })
        .await
    }
}
