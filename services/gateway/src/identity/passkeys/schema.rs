use chrono::{DateTime, Utc};
use norma_database as rows;
use norma_domain::PasskeyId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A passkey of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Passkey {
    pub id: PasskeyId,
    /// What its owner calls it.
    #[schema(example = "work laptop")]
    pub name: String,
    /// Whether it may lie on several devices of its owner, as the authenticator says.
    pub is_synced: bool,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

impl From<rows::StoredPasskey> for Passkey {
    fn from(row: rows::StoredPasskey) -> Self {
        Self {
            id: row.id,
            name: row.name,
            is_synced: row.credential.is_backup_eligible,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
        }
    }
}

/// An account's passkeys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Passkeys {
    /// The oldest first.
    pub items: Vec<Passkey>,
    /// Whether one can be added here.
    pub is_offered: bool,
}

/// What a browser asks an authenticator for. Good for one answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PasskeyChallenge {
    /// As `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON` takes it (Web Authentication, level 3).
    #[schema(value_type = Object)]
    pub options: Value,
    pub expires_at: DateTime<Utc>,
}

/// A passkey that an authenticator made.
#[derive(Deserialize, ToSchema)]
pub struct NewPasskey {
    #[schema(min_length = 1, max_length = 200, example = "work laptop")]
    pub name: String,
    /// What `PublicKeyCredential.toJSON()` gives.
    #[schema(value_type = Object)]
    pub credential: Value,
}

/// A passkey that was added.
#[derive(Serialize, ToSchema)]
pub struct AddedPasskey {
    pub passkey: Passkey,
    /// Codes for a lost device, shown once, where it is the account's first second factor; null: those from before count on.
    pub recovery_codes: Option<Vec<String>>,
}

/// What somebody who signs in has shown so far. Nothing: the passkey alone signs in.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeySignIn {
    /// With `password`: the passkey is the second factor beside it.
    #[serde(default)]
    #[schema(max_length = 200, example = "anna.petrova")]
    pub login: Option<String>,
    #[serde(default)]
    #[schema(max_length = 1024, format = Password)]
    pub password: Option<String>,
    /// What stands behind `#token=` of a sign-in link: the passkey is the second factor beside it.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub token: Option<String>,
}

/// Who is signed in shows again who they are.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyVerification {
    /// The passkey is the second factor beside it; null: the passkey alone, by PIN or body.
    #[serde(default)]
    #[schema(max_length = 1024, format = Password)]
    pub password: Option<String>,
}

/// An authenticator's answer to a challenge.
#[derive(Deserialize, ToSchema)]
pub struct PasskeyAnswer {
    /// What `PublicKeyCredential.toJSON()` gives.
    #[schema(value_type = Object)]
    pub credential: Value,
}
