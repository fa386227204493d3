//! People's accounts.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use norma_domain::{Role, Roles, UserId};

use crate::connection::AnyConnection;
use crate::schema::{sessions, users};
use crate::second_factor_state::remove_passkeys;
use crate::sql_types::RowId;
use crate::text::{known_roles, refuse_nul};
use crate::versions::require_unchanged;
use crate::{Database, DatabaseError, Listing, Page, time};

/// A person's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    /// In lower case.
    pub login: String,
    pub display_name: String,
    pub roles: Roles,
    /// Argon2id in the PHC string format; none until the first password is set.
    pub password_hash: Option<String>,
    /// Issuer and subject where the account signs in by OpenID Connect.
    pub openid: Option<(String, String)>,
    pub disabled: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub last_sign_in_at: Option<DateTime<Utc>>,
    /// Since when a second factor is asked for; none where the account has none.
    pub second_factor_at: Option<DateTime<Utc>>,
}

/// An account to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    pub login: String,
    pub display_name: String,
    pub roles: Roles,
    pub openid: Option<(String, String)>,
}

/// What may change of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserChange {
    pub display_name: String,
    pub roles: Roles,
    pub disabled: bool,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub(crate) struct UserRow {
    id: RowId,
    login: String,
    display_name: String,
    roles: String,
    password_hash: Option<String>,
    openid_issuer: Option<String>,
    openid_subject: Option<String>,
    disabled: bool,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    last_sign_in_at: Option<NaiveDateTime>,
    second_factor_at: Option<NaiveDateTime>,
}

impl TryFrom<UserRow> for User {
    type Error = DatabaseError;

    fn try_from(row: UserRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: row.id.into(),
            login: row.login,
            display_name: row.display_name,
            roles: known_roles(&row.roles),
            password_hash: row.password_hash,
            openid: row.openid_issuer.zip(row.openid_subject),
            disabled: row.disabled,
            created_at: time::from_row(row.created_at),
            updated_at: time::from_row(row.updated_at),
            last_sign_in_at: row.last_sign_in_at.map(time::from_row),
            second_factor_at: row.second_factor_at.map(time::from_row),
        })
    }
}

/// Logins are compared without regard to case.
pub(crate) fn fold_login(login: &str) -> String {
    login.trim().to_lowercase()
}

impl Database {
    /// # Errors
    /// [`DatabaseError::UniqueViolation`] where the login is taken.
    pub async fn create_user(&self, new: NewUser) -> Result<User, DatabaseError> {
        refuse_nul("login", &new.login)?;
        refuse_nul("display_name", &new.display_name)?;
        self.change(move |connection| {
            let now = time::to_row(time::now());
            let (openid_issuer, openid_subject) = new.openid.unzip();
            let row = UserRow {
                id: UserId::generate().into(),
                login: fold_login(&new.login),
                display_name: new.display_name,
                roles: new.roles.to_string(),
                password_hash: None,
                openid_issuer,
                openid_subject,
                disabled: false,
                created_at: now,
                updated_at: now,
                last_sign_in_at: None,
                second_factor_at: None,
            };
            diesel::insert_into(users::table)
                .values(&row)
                .execute(connection)?;
            row.try_into()
        })
        .await
    }

    pub async fn user(&self, id: UserId) -> Result<Option<User>, DatabaseError> {
        self.run(move |connection| find(connection, id)).await
    }

    /// By login, whatever its case.
    pub async fn user_of_login(&self, login: &str) -> Result<Option<User>, DatabaseError> {
        let login = fold_login(login);
        self.run(move |connection| {
            let row = users::table
                .filter(users::login.eq(login))
                .select(UserRow::as_select())
                .first(connection)
                .optional()?;
            row.map(User::try_from).transpose()
        })
        .await
    }

    /// By the issuer's name for the person.
    pub async fn user_of_openid(
        &self,
        issuer: String,
        subject: String,
    ) -> Result<Option<User>, DatabaseError> {
        self.run(move |connection| {
            let row = users::table
                .filter(users::openid_issuer.eq(issuer))
                .filter(users::openid_subject.eq(subject))
                .select(UserRow::as_select())
                .first(connection)
                .optional()?;
            row.map(User::try_from).transpose()
        })
        .await
    }

    /// Accounts by login.
    pub async fn list_users(&self, page: Page) -> Result<Listing<User>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<UserRow> = users::table
                .order(users::login)
                .limit(page.limit.into())
                .offset(page.offset.into())
                .select(UserRow::as_select())
                .load(connection)?;
            let items = rows.into_iter().map(User::try_from).collect::<Result<_, _>>()?;
            Ok(Listing::new(items, users::table.count().get_result(connection)?))
        })
        .await
    }

    /// Changes an account. Where its roles change or it is disabled, its sessions end. One that is disabled loses its passkeys,
    /// which may lie on devices that nobody has any more in hand. None where there is no such account.
    ///
    /// # Errors
    /// [`DatabaseError::LastAdministrator`] where no enabled administrator would be left.
    pub async fn update_user(
        &self,
        id: UserId,
        change: UserChange,
        unless_changed_since: Option<DateTime<Utc>>,
    ) -> Result<Option<User>, DatabaseError> {
        refuse_nul("display_name", &change.display_name)?;
        self.change(move |connection| {
            lock_users(connection)?;
            let Some(before) = find(connection, id)? else {
                return Ok(None);
            };
            require_unchanged("user", Some(before.updated_at), unless_changed_since)?;
            diesel::update(users::table.find(RowId::from(id)))
                .set((
                    users::display_name.eq(change.display_name),
                    users::roles.eq(change.roles.to_string()),
                    users::disabled.eq(change.disabled),
                    users::updated_at.eq(time::to_row(time::after(Some(before.updated_at)))),
                ))
                .execute(connection)?;
            require_administrator(connection)?;
            if before.roles != change.roles || change.disabled {
                diesel::delete(sessions::table.filter(sessions::user_id.eq(RowId::from(id))))
                    .execute(connection)?;
            }
            if change.disabled {
                remove_passkeys(connection, RowId::from(id))?;
            }
            find(connection, id)
        })
        .await
    }

    /// Takes over what the issuer says at a sign-in. Its word counts, also where no administrator would be left:
    /// `norma users create` makes one. Where the roles change, the account's sessions end.
    pub async fn update_openid_user(
        &self,
        id: UserId,
        display_name: String,
        roles: Roles,
    ) -> Result<Option<User>, DatabaseError> {
        refuse_nul("display_name", &display_name)?;
        self.change(move |connection| {
            let Some(before) = find(connection, id)? else {
                return Ok(None);
            };
            diesel::update(users::table.find(RowId::from(id)))
                .set((
                    users::display_name.eq(display_name),
                    users::roles.eq(roles.to_string()),
                    users::updated_at.eq(time::to_row(time::now())),
                ))
                .execute(connection)?;
            if before.roles != roles {
                diesel::delete(sessions::table.filter(sessions::user_id.eq(RowId::from(id))))
                    .execute(connection)?;
            }
            find(connection, id)
        })
        .await
    }

    /// Deletes an account with its sessions. Says whether there was one.
    ///
    /// # Errors
    /// [`DatabaseError::LastAdministrator`] where no enabled administrator would be left.
    pub async fn delete_user(&self, id: UserId) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            lock_users(connection)?;
            let deleted = diesel::delete(users::table.find(RowId::from(id))).execute(connection)?;
            if deleted > 0 {
                require_administrator(connection)?;
            }
            Ok(deleted > 0)
        })
        .await
    }

    /// Sets a password and ends every session of the account.
    pub async fn set_password(&self, id: UserId, password_hash: String) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            diesel::update(users::table.find(RowId::from(id)))
                .set((
                    users::password_hash.eq(password_hash),
                    users::updated_at.eq(time::to_row(time::now())),
                ))
                .execute(connection)?;
            diesel::delete(sessions::table.filter(sessions::user_id.eq(RowId::from(id))))
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// The accounts that are enabled administrators.
    pub async fn administrators(&self) -> Result<Vec<User>, DatabaseError> {
        self.run(enabled_administrators).await
    }
}

pub(crate) fn find(connection: &mut AnyConnection, id: UserId) -> Result<Option<User>, DatabaseError> {
    let row = users::table
        .find(RowId::from(id))
        .select(UserRow::as_select())
        .first(connection)
        .optional()?;
    row.map(User::try_from).transpose()
}

fn enabled_administrators(connection: &mut AnyConnection) -> Result<Vec<User>, DatabaseError> {
    let rows: Vec<UserRow> = users::table
        .filter(users::disabled.eq(false))
        .order(users::created_at)
        .select(UserRow::as_select())
        .load(connection)?;
    let enabled = rows
        .into_iter()
        .map(User::try_from)
        .collect::<Result<Vec<User>, _>>()?;
    Ok(enabled
        .into_iter()
        .filter(|user| user.roles.contains(Role::Administrator))
        .collect())
}

/// Two administrators who remove each other at once must not both succeed. SQLite has one writer anyway.
fn lock_users(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    if let AnyConnection::Postgres(inner) = connection {
        diesel::sql_query("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE").execute(inner)?;
    }
    Ok(())
}

fn require_administrator(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    if enabled_administrators(connection)?.is_empty() {
        return Err(DatabaseError::LastAdministrator);
    }
    Ok(())
}
