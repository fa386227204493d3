use chrono::{DateTime, Utc};
use norma_database::{self as rows, NewUser, UserChange};
use norma_domain::{Role, Roles, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::text::checked_name;
use crate::problem::ApiError;

/// How an account signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignInKind {
    Password,
    OpenId,
    /// Not yet: it needs a link.
    None,
}

/// A person's account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct User {
    pub id: UserId,
    #[schema(example = "anna.petrova")]
    pub login: String,
    #[schema(example = "Anna Petrova")]
    pub display_name: String,
    #[schema(value_type = Vec<Role>)]
    pub roles: Roles,
    /// A disabled account cannot sign in; what it did stays.
    pub disabled: bool,
    pub has_password: bool,
    /// Whether codes are asked for beside the password.
    pub has_second_factor: bool,
    pub sign_in: SignInKind,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub last_sign_in_at: Option<DateTime<Utc>>,
}

/// A new account. It signs in first by a link.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct UserInput {
    /// 1 to 100 characters without blanks; compared without regard to case, and never changed.
    #[schema(min_length = 1, max_length = 100, example = "anna.petrova")]
    pub login: String,
    #[schema(min_length = 1, max_length = 200, example = "Anna Petrova")]
    pub display_name: String,
    #[schema(value_type = Vec<Role>)]
    pub roles: Roles,
}

impl UserInput {
    pub(crate) fn checked(self) -> Result<NewUser, ApiError> {
        let login = self.login.trim();
        let is_word = !login.is_empty()
            && login.chars().count() <= 100
            && !login
                .chars()
                .any(|character| character.is_control() || character.is_whitespace());
        if !is_word {
            return Err(ApiError::InvalidField {
                field: "login",
                detail: "1 to 100 characters without blanks".to_owned(),
            });
        }
        Ok(NewUser {
            login: login.to_owned(),
            display_name: checked_name("display_name", &self.display_name)?,
            roles: self.roles,
            openid: None,
        })
    }
}

/// What may change of an account. Its sessions end where its roles change or it is disabled.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct UserUpdate {
    #[schema(min_length = 1, max_length = 200)]
    pub display_name: String,
    #[schema(value_type = Vec<Role>)]
    pub roles: Roles,
    pub disabled: bool,
}

impl UserUpdate {
    pub(crate) fn checked(self) -> Result<UserChange, ApiError> {
        Ok(UserChange {
            display_name: checked_name("display_name", &self.display_name)?,
            roles: self.roles,
            disabled: self.disabled,
        })
    }
}

/// A link that signs an account in once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SignInLink {
    pub link: String,
    pub expires_at: DateTime<Utc>,
}

impl From<rows::User> for User {
    fn from(row: rows::User) -> Self {
        let has_password = row.password_hash.is_some();
        Self {
            id: row.id,
            login: row.login,
            display_name: row.display_name,
            roles: row.roles,
            disabled: row.disabled,
            has_password,
            has_second_factor: row.second_factor_at.is_some(),
            sign_in: match row.openid {
                Some(_) => SignInKind::OpenId,
                None if has_password => SignInKind::Password,
                None => SignInKind::None,
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_sign_in_at: row.last_sign_in_at,
        }
    }
}
