use chrono::{DateTime, Utc};
use norma_database as rows;
use norma_domain::{KeyId, Role, Roles, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Key {
    pub id: KeyId,
    #[schema(example = "pacs")]
    pub name: String,
    /// Whose studies a key of the role integrator sees: keys of one scope share them.
    pub scope: String,
    #[schema(value_type = Vec<Role>)]
    pub roles: Roles,
    /// The first characters of the secret.
    #[schema(example = "norma_x8Jk2p")]
    pub prefix: String,
    /// Login of who made it, or `command line`.
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// The person who made it, or who made the key that made it; null where the command line did.
    pub made_by_user: Option<UserId>,
    /// Whether it waits for a second administrator, and acts only then.
    pub awaits_confirmation: bool,
    /// Login of the second administrator, or `command line`.
    pub confirmed_by: Option<String>,
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Networks that it is used from (CIDR); empty: from anywhere.
    #[schema(example = json!(["192.0.2.0/24"]))]
    pub allowed_addresses: Vec<String>,
}

/// A key to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct KeyInput {
    #[schema(min_length = 1, max_length = 200, example = "pacs")]
    pub name: String,
    /// At least one.
    #[schema(value_type = Vec<Role>)]
    pub roles: Roles,
    /// One of its own where absent: the key's id.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub scope: Option<String>,
    /// As the installation's settings say where absent: a year by default.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3650)]
    pub expires_in_days: Option<u32>,
    /// Addresses and networks (CIDR) that it is used from; from anywhere where absent or empty.
    #[serde(default)]
    #[schema(max_items = 64, example = json!(["192.0.2.0/24", "2001:db8::/32"]))]
    pub allowed_addresses: Vec<String>,
}

/// A new key. Its secret is shown here and never again.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NewKey {
    pub key: Key,
    /// For `Authorization: Bearer …`.
    pub secret: String,
}

impl From<rows::ApiKey> for Key {
    fn from(row: rows::ApiKey) -> Self {
        let awaits_confirmation = row.awaits_confirmation();
        let (confirmed_by, confirmed_at) = row.confirmation.map(|done| (done.by, done.at)).unzip();
        Self {
            id: row.id,
            name: row.name,
            scope: row.scope,
            roles: row.roles,
            prefix: row.prefix,
            created_by: row.created_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
            made_by_user: row.made_by_user,
            awaits_confirmation,
            confirmed_by,
            confirmed_at,
            allowed_addresses: row.allowed_addresses,
        }
    }
}
