//! Keys of machines.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use norma_domain::{KeyId, Roles, UserId};

use crate::connection::AnyConnection;
use crate::schema::api_keys;
use crate::sql_types::RowId;
use crate::text::{known_roles, refuse_nul};
use crate::{Database, DatabaseError, Listing, Page, time};

/// A key as it is kept: without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: KeyId,
    pub name: String,
    /// Whose studies a key of the role integrator sees: keys of one scope share them.
    pub scope: String,
    pub roles: Roles,
    /// The first characters of the secret.
    pub prefix: String,
    /// Who made it: a login, or `command line`.
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// The person who made it, or who made the key that made it; none where the command line did.
    pub made_by_user: Option<UserId>,
    /// Whether it acts only once a second administrator has confirmed it.
    pub needs_confirmation: bool,
    pub confirmation: Option<KeyConfirmation>,
    /// Networks that it is used from (CIDR); empty: from anywhere.
    pub allowed_addresses: Vec<String>,
}

impl ApiKey {
    /// Whether it waits for a second administrator.
    pub fn awaits_confirmation(&self) -> bool {
        self.needs_confirmation && self.confirmation.is_none()
    }
}

/// Who confirmed a key, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyConfirmation {
    /// A login, or `command line`.
    pub by: String,
    pub at: DateTime<Utc>,
}

/// Who confirms a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyConfirmer {
    User(UserId),
    /// Whoever holds the installation itself.
    CommandLine,
}

/// What became of a confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfirmedKey {
    Confirmed(Box<ApiKey>),
    /// It was made by the same hands.
    OwnKey,
    /// It needs none, has one, was revoked or has expired.
    NotAwaited,
}

/// A key to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    pub name: String,
    /// Empty for one of its own: the key's id.
    pub scope: String,
    pub roles: Roles,
    /// SHA-256 of the secret.
    pub secret_hash: [u8; 32],
    pub prefix: String,
    pub created_by: String,
    pub expires_at: Option<DateTime<Utc>>,
    pub made_by_user: Option<UserId>,
    pub needs_confirmation: bool,
    /// Networks that it is used from (CIDR); empty: from anywhere.
    pub allowed_addresses: Vec<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys)]
struct ApiKeyRow {
    id: RowId,
    name: String,
    scope: String,
    roles: String,
    prefix: String,
    created_by: String,
    created_at: NaiveDateTime,
    expires_at: Option<NaiveDateTime>,
    last_used_at: Option<NaiveDateTime>,
    revoked_at: Option<NaiveDateTime>,
    made_by_user: Option<RowId>,
    needs_confirmation: bool,
    confirmed_by: Option<String>,
    confirmed_at: Option<NaiveDateTime>,
    allowed_addresses: String,
}

impl TryFrom<ApiKeyRow> for ApiKey {
    type Error = DatabaseError;

    fn try_from(row: ApiKeyRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: row.id.into(),
            name: row.name,
            scope: row.scope,
            roles: known_roles(&row.roles),
            prefix: row.prefix,
            created_by: row.created_by,
            created_at: time::from_row(row.created_at),
            expires_at: row.expires_at.map(time::from_row),
            last_used_at: row.last_used_at.map(time::from_row),
            revoked_at: row.revoked_at.map(time::from_row),
            made_by_user: row.made_by_user.map(UserId::from),
            needs_confirmation: row.needs_confirmation,
            confirmation: row
                .confirmed_by
                .zip(row.confirmed_at)
                .map(|(by, at)| KeyConfirmation {
                    by,
                    at: time::from_row(at),
                }),
            allowed_addresses: row
                .allowed_addresses
                .split_terminator(',')
                .map(str::to_owned)
                .collect(),
        })
    }
}

impl Database {
    pub async fn create_api_key(&self, new: NewApiKey) -> Result<ApiKey, DatabaseError> {
        refuse_nul("name", &new.name)?;
        refuse_nul("scope", &new.scope)?;
        self.change(move |connection| {
            let key_id = KeyId::generate();
            let id = RowId::from(key_id);
            // Names are given twice, ids are not.
            let scope = match new.scope {
                empty if empty.is_empty() => key_id.to_string(),
                scope => scope,
            };
            diesel::insert_into(api_keys::table)
                .values((
                    api_keys::id.eq(id),
                    api_keys::name.eq(new.name),
                    api_keys::scope.eq(scope),
                    api_keys::roles.eq(new.roles.to_string()),
                    api_keys::secret_hash.eq(new.secret_hash.to_vec()),
                    api_keys::prefix.eq(new.prefix),
                    api_keys::created_by.eq(new.created_by),
                    api_keys::created_at.eq(time::to_row(time::now())),
                    api_keys::expires_at.eq(new.expires_at.map(time::to_row)),
                    api_keys::made_by_user.eq(new.made_by_user.map(RowId::from)),
                    api_keys::needs_confirmation.eq(new.needs_confirmation),
                    api_keys::allowed_addresses.eq(new.allowed_addresses.join(",")),
                ))
                .execute(connection)?;
            find(connection, id)?.ok_or(DatabaseError::NotFound("key"))
        })
        .await
    }

    /// Whether a secret's key would be valid, were it confirmed.
    pub async fn is_unconfirmed_api_key(&self, secret_hash: [u8; 32]) -> Result<bool, DatabaseError> {
        self.run(move |connection| {
            let key = of_secret(connection, secret_hash)?;
            Ok(key.is_some_and(|key| key.awaits_confirmation() && is_alive(&key)))
        })
        .await
    }

    /// The key of a secret that is neither revoked nor expired, and that waits for nobody's confirmation.
    pub async fn valid_api_key(&self, secret_hash: [u8; 32]) -> Result<Option<ApiKey>, DatabaseError> {
        self.run(move |connection| Ok(of_secret(connection, secret_hash)?.filter(is_valid)))
            .await
    }

    /// The key, if it is neither revoked nor expired and waits for nobody's confirmation.
    pub async fn valid_api_key_of(&self, id: KeyId) -> Result<Option<ApiKey>, DatabaseError> {
        self.run(move |connection| Ok(find(connection, id.into())?.filter(is_valid)))
            .await
    }

    /// Keys, the newest first, revoked ones too.
    pub async fn list_api_keys(&self, page: Page) -> Result<Listing<ApiKey>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<ApiKeyRow> = api_keys::table
                .order(api_keys::id.desc())
                .limit(page.limit.into())
                .offset(page.offset.into())
                .select(ApiKeyRow::as_select())
                .load(connection)?;
            let items = rows.into_iter().map(ApiKey::try_from).collect::<Result<_, _>>()?;
            Ok(Listing::new(
                items,
                api_keys::table.count().get_result(connection)?,
            ))
        })
        .await
    }

    /// Revokes a key at once and for good; again does nothing. None where there is no such key.
    pub async fn revoke_api_key(&self, id: KeyId) -> Result<Option<ApiKey>, DatabaseError> {
        self.change(move |connection| {
            let now = time::to_row(time::now());
            let unrevoked = api_keys::table
                .find(RowId::from(id))
                .filter(api_keys::revoked_at.is_null());
            diesel::update(unrevoked)
                .set(api_keys::revoked_at.eq(now))
                .execute(connection)?;
            find(connection, id.into())
        })
        .await
    }

    /// Confirms a key that waits for it, in the name `by`. None where there is no such key.
    ///
    /// Nobody confirms what the own hands made: a person neither their key nor one that such a key made, the command line
    /// none of the command line.
    pub async fn confirm_api_key(
        &self,
        id: KeyId,
        confirmer: KeyConfirmer,
        by: String,
    ) -> Result<Option<ConfirmedKey>, DatabaseError> {
        self.change(move |connection| {
            let Some(key) = find(connection, id.into())? else {
                return Ok(None);
            };
            if !key.awaits_confirmation() || !is_alive(&key) {
                return Ok(Some(ConfirmedKey::NotAwaited));
            }
            let is_own = match confirmer {
                KeyConfirmer::User(user) => key.made_by_user == Some(user),
                KeyConfirmer::CommandLine => key.made_by_user.is_none(),
            };
            if is_own {
                return Ok(Some(ConfirmedKey::OwnKey));
            }
            let waiting = api_keys::table
                .find(RowId::from(id))
                .filter(api_keys::confirmed_at.is_null());
            let confirmed = diesel::update(waiting)
                .set((
                    api_keys::confirmed_by.eq(by),
                    api_keys::confirmed_at.eq(time::to_row(time::now())),
                ))
                .execute(connection)?;
            let key = find(connection, id.into())?.ok_or(DatabaseError::NotFound("key"))?;
            // Of two at once the first one is in the trail as the one who did.
            Ok(Some(if confirmed > 0 {
                ConfirmedKey::Confirmed(Box::new(key))
            } else {
                ConfirmedKey::NotAwaited
            }))
        })
        .await
    }

    /// Notes that a key is in use.
    pub async fn touch_api_key(&self, id: KeyId) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            diesel::update(api_keys::table.find(RowId::from(id)))
                .set(api_keys::last_used_at.eq(time::to_row(time::now())))
                .execute(connection)?;
            Ok(())
        })
        .await
    }
}

fn is_valid(key: &ApiKey) -> bool {
    is_alive(key) && !key.awaits_confirmation()
}

fn is_alive(key: &ApiKey) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|expires_at| expires_at > time::now())
}

fn of_secret(connection: &mut AnyConnection, secret_hash: [u8; 32]) -> Result<Option<ApiKey>, DatabaseError> {
    let row: Option<ApiKeyRow> = api_keys::table
        .filter(api_keys::secret_hash.eq(secret_hash.to_vec()))
        .select(ApiKeyRow::as_select())
        .first(connection)
        .optional()?;
    row.map(ApiKey::try_from).transpose()
}

fn find(connection: &mut AnyConnection, id: RowId) -> Result<Option<ApiKey>, DatabaseError> {
    let row: Option<ApiKeyRow> = api_keys::table
        .find(id)
        .select(ApiKeyRow::as_select())
        .first(connection)
        .optional()?;
    row.map(ApiKey::try_from).transpose()
}
