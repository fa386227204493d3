//! Sessions of people who signed in.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use norma_domain::UserId;

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
}

impl SessionMethod {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Link => "link",
            Self::OpenId => "openid",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Password, Self::Link, Self::OpenId]
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
}

/// A session to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    pub user_id: UserId,
    pub method: SessionMethod,
    pub expires_at: DateTime<Utc>,
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
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    method: String,
    created_at: NaiveDateTime,
    last_seen_at: NaiveDateTime,
    expires_at: NaiveDateTime,
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
                // A way of a newer version signs in as well as a password does.
                method: SessionMethod::parse(&session.method).unwrap_or(SessionMethod::Password),
                created_at: time::from_row(session.created_at),
                last_seen_at: time::from_row(session.last_seen_at),
                expires_at: time::from_row(session.expires_at),
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

    /// Signs out. Says whether there was such a session.
    pub async fn delete_session(&self, token_hash: [u8; 32]) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let deleted = diesel::delete(sessions::table.find(token_hash.to_vec())).execute(connection)?;
            Ok(deleted > 0)
        })
        .await
    }
}
