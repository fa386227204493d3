//! Sessions of people who signed in.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use norma_domain::UserId;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::schema::{sessions, users};
use crate::sql_types::RowId;
use crate::users::UserRow;
use crate::{Database, DatabaseError, User, time};

/// How somebody signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionMethod {
    Password,
    /// A link that works once.
    Link,
    OpenId,
    /// By itself, with nothing typed.
    Passkey,
}

impl SessionMethod {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Link => "link",
            Self::OpenId => "openid",
            Self::Passkey => "passkey",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Password, Self::Link, Self::OpenId, Self::Passkey]
            .into_iter()
            .find(|method| method.as_str() == text)
    }
}

/// A session that has not expired, of an account that is enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub user: User,
    pub method: SessionMethod,
    pub created_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    /// Whatever happens, it ends then.
    pub expires_at: DateTime<Utc>,
    /// When whoever uses it last showed who they are: at its beginning, or by giving the password again.
    pub verified_at: DateTime<Utc>,
}

/// Where a session was begun, as a person recognises it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionOrigin {
    /// "Firefox"; empty where it is not known.
    pub browser: String,
    /// "Windows"; empty where it is not known.
    pub system: String,
    /// Of the network; empty where it is not known.
    pub address: String,
}

/// A session as its owner sees it in a list. Nobody signs in with what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSession {
    /// Made from the hash of the token, see [`session_id`].
    pub id: Uuid,
    pub method: SessionMethod,
    pub origin: SessionOrigin,
    pub created_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// A session that somebody ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSession {
    pub method: SessionMethod,
    /// What the issuer of OpenID Connect said of the person.
    pub id_token: Option<String>,
}

/// The name of a session in lists and in the audit trail: a hash of its token's hash, from which nobody finds either.
pub fn session_id(token_hash: &[u8]) -> Uuid {
    let digest = Sha256::new_with_prefix(b"session\0")
        .chain_update(token_hash)
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// A session to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    pub user_id: UserId,
    pub method: SessionMethod,
    pub origin: SessionOrigin,
    /// Of OpenID Connect.
    pub id_token: Option<String>,
    pub expires_at: DateTime<Utc>,
    /// Where that was before the session began: at the issuer of OpenID Connect.
    pub verified_at: Option<DateTime<Utc>>,
}

#[derive(Insertable)]
#[diesel(table_name = sessions)]
struct NewSessionRow {
    token_hash: Vec<u8>,
    user_id: RowId,
    method: &'static str,
    created_at: NaiveDateTime,
    last_seen_at: NaiveDateTime,
    expires_at: NaiveDateTime,
    browser: String,
    system: String,
    source_address: String,
    id_token: Option<String>,
    verified_at: Option<NaiveDateTime>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    token_hash: Vec<u8>,
    method: String,
    browser: String,
    system: String,
    source_address: String,
    created_at: NaiveDateTime,
    last_seen_at: NaiveDateTime,
    expires_at: NaiveDateTime,
    verified_at: Option<NaiveDateTime>,
}

impl SessionRow {
    fn method(&self) -> SessionMethod {
        // A way of a newer version signs in as well as a password does.
        SessionMethod::parse(&self.method).unwrap_or(SessionMethod::Password)
    }

    fn listed(self) -> ListedSession {
        ListedSession {
            id: session_id(&self.token_hash),
            method: self.method(),
            origin: SessionOrigin {
                browser: self.browser,
                system: self.system,
                address: self.source_address,
            },
            created_at: time::from_row(self.created_at),
            last_seen_at: time::from_row(self.last_seen_at),
            expires_at: time::from_row(self.expires_at),
        }
    }
}

impl Database {
    /// Signs an account in; sessions that have expired are cleared away.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] where the account has gone.
    pub async fn create_session(&self, new: NewSession) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            let now = time::to_row(time::now());
            diesel::delete(sessions::table.filter(sessions::expires_at.lt(now))).execute(connection)?;
            let row = NewSessionRow {
                token_hash: new.token_hash.to_vec(),
                user_id: new.user_id.into(),
                method: new.method.as_str(),
                created_at: now,
                last_seen_at: now,
                expires_at: time::to_row(new.expires_at),
                browser: new.origin.browser,
                system: new.origin.system,
                source_address: new.origin.address,
                id_token: new.id_token,
                verified_at: new.verified_at.map(time::to_row),
            };
            diesel::insert_into(sessions::table)
                .values(row)
                .execute(connection)
                .map_err(|error| match DatabaseError::from(error) {
                    DatabaseError::ForeignKeyViolation { .. } => DatabaseError::NotFound("user"),
                    other => other,
                })?;
            diesel::update(users::table.find(RowId::from(new.user_id)))
                .set(users::last_sign_in_at.eq(now))
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// The session of a token: none where there is none, it has expired, was idle for too long, or its account is
    /// disabled.
    pub async fn session(
        &self,
        token_hash: [u8; 32],
        longest_idle: TimeDelta,
    ) -> Result<Option<Session>, DatabaseError> {
        self.run(move |connection| {
            let now = time::now();
            let row: Option<(SessionRow, UserRow)> = sessions::table
                .inner_join(users::table.on(sessions::user_id.eq(users::id)))
                .filter(sessions::token_hash.eq(token_hash.to_vec()))
                .filter(sessions::expires_at.gt(time::to_row(now)))
                .filter(sessions::last_seen_at.gt(time::to_row(now - longest_idle)))
                .filter(users::disabled.eq(false))
                .select((SessionRow::as_select(), UserRow::as_select()))
                .first(connection)
                .optional()?;
            let Some((session, user)) = row else {
                return Ok(None);
            };
            Ok(Some(Session {
                user: user.try_into()?,
                method: session.method(),
                created_at: time::from_row(session.created_at),
                last_seen_at: time::from_row(session.last_seen_at),
                expires_at: time::from_row(session.expires_at),
                verified_at: time::from_row(session.verified_at.unwrap_or(session.created_at)),
            }))
        })
        .await
    }

    /// Notes that a session is in use.
    pub async fn touch_session(&self, token_hash: [u8; 32]) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            diesel::update(sessions::table.find(token_hash.to_vec()))
                .set(sessions::last_seen_at.eq(time::to_row(time::now())))
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// The sessions of an account that still sign it in, the last used first.
    pub async fn list_sessions(
        &self,
        user_id: UserId,
        longest_idle: TimeDelta,
    ) -> Result<Vec<ListedSession>, DatabaseError> {
        self.run(move |connection| {
            let now = time::now();
            let rows: Vec<SessionRow> = sessions::table
                .filter(sessions::user_id.eq(RowId::from(user_id)))
                .filter(sessions::expires_at.gt(time::to_row(now)))
                .filter(sessions::last_seen_at.gt(time::to_row(now - longest_idle)))
                .order((sessions::last_seen_at.desc(), sessions::created_at.desc()))
                .select(SessionRow::as_select())
                .load(connection)?;
            Ok(rows.into_iter().map(SessionRow::listed).collect())
        })
        .await
    }

    /// Ends one session of an account. Says whether it has such a session.
    pub async fn end_session_of(&self, user_id: UserId, id: Uuid) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let hashes: Vec<Vec<u8>> = sessions::table
                .filter(sessions::user_id.eq(RowId::from(user_id)))
                .select(sessions::token_hash)
                .load(connection)?;
            let Some(hash) = hashes.into_iter().find(|hash| session_id(hash) == id) else {
                return Ok(false);
            };
            Ok(diesel::delete(sessions::table.find(hash)).execute(connection)? > 0)
        })
        .await
    }

    /// Ends the sessions of an account but for the one of `kept`, and gives their number.
    pub async fn end_sessions_of(
        &self,
        user_id: UserId,
        kept: Option<[u8; 32]>,
    ) -> Result<usize, DatabaseError> {
        self.change(move |connection| {
            // No token has an empty hash.
            let kept = kept.map(|hash| hash.to_vec()).unwrap_or_default();
            let ended = sessions::table
                .filter(sessions::user_id.eq(RowId::from(user_id)))
                .filter(sessions::token_hash.ne(kept));
            Ok(diesel::delete(ended).execute(connection)?)
        })
        .await
    }

    /// Signs out. None where there was no such session.
    pub async fn delete_session(&self, token_hash: [u8; 32]) -> Result<Option<EndedSession>, DatabaseError> {
        self.change(move |connection| {
            let found: Option<(String, Option<String>)> = sessions::table
                .find(token_hash.to_vec())
                .select((sessions::method, sessions::id_token))
                .first(connection)
                .optional()?;
            diesel::delete(sessions::table.find(token_hash.to_vec())).execute(connection)?;
            Ok(found.map(|(method, id_token)| EndedSession {
                method: SessionMethod::parse(&method).unwrap_or(SessionMethod::Password),
                id_token,
            }))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_session_tells_neither_its_token_nor_the_tokens_hash() {
        let id = session_id(&[7; 32]);
        assert_eq!(id, session_id(&[7; 32]));
        assert_ne!(id, session_id(&[8; 32]));
        assert!(!id.as_bytes().starts_with(&[7; 4]));
    }
}
