use chrono::{DateTime, Utc};
use norma_domain::{Role, Roles, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::identity::caller::Caller;

/// Whether people sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthenticationState {
    On,
    /// Everybody may do everything; the gateway is reachable from this machine only.
    Off,
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionDocument {
    pub user: SessionUser,
    /// For the header `X-CSRF-Token` of every request that changes something; null for keys, which need none.
    pub csrf_token: Option<String>,
    pub authentication: AuthenticationState,
    /// The account has no password yet: without one it cannot sign in again.
    pub must_set_password: bool,
    /// Whether a new password needs the current one; not right after a link that signs in once.
    pub password_needs_current: bool,
    /// The session ends then, whatever happens.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The person or key of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionUser {
    /// Null for keys and with authentication off.
    pub id: Option<UserId>,
    /// Login of a person, name of a key.
    pub login: String,
    pub display_name: String,
    #[schema(value_type = Vec<Role>)]
    pub roles: Roles,
}

impl SessionDocument {
    pub(crate) fn of(caller: &Caller) -> Self {
        let roles = caller.roles();
        let plain = |name: &str, authentication| Self {
            user: SessionUser {
                id: None,
                login: name.to_owned(),
                display_name: name.to_owned(),
                roles,
            },
            csrf_token: None,
            authentication,
            must_set_password: false,
            password_needs_current: false,
            expires_at: None,
        };
        match caller {
            Caller::Nobody => plain("", AuthenticationState::On),
            Caller::AuthenticationOff => plain("everybody", AuthenticationState::Off),
            Caller::Key(key) => plain(&key.name, AuthenticationState::On),
            Caller::User { user, session } => {
                let has_password = user.password_hash.is_some();
                Self {
                    user: SessionUser {
                        id: Some(user.id),
                        login: user.login.clone(),
                        display_name: user.display_name.clone(),
                        roles,
                    },
                    csrf_token: Some(session.csrf_token()),
                    authentication: AuthenticationState::On,
                    must_set_password: caller.must_set_password(),
                    password_needs_current: has_password && !session.is_by_link(),
                    expires_at: Some(session.expires_at),
                }
            }
        }
    }
}

/// A sign-in with a password.
#[derive(Deserialize, ToSchema)]
pub struct SignIn {
    #[schema(max_length = 200, example = "anna.petrova")]
    pub login: String,
    #[schema(max_length = 1024, format = Password)]
    pub password: String,
}

/// A sign-in with a link: what stands behind `#token=`.
#[derive(Deserialize, ToSchema)]
pub struct SignInToken {
    #[schema(max_length = 200)]
    pub token: String,
}

/// A new password.
#[derive(Deserialize, ToSchema)]
pub struct PasswordChange {
    /// Needed where `password_needs_current` of the session says so.
    #[serde(default)]
    #[schema(max_length = 1024, format = Password)]
    pub current_password: Option<String>,
    #[schema(max_length = 1024, format = Password)]
    pub new_password: String,
}

/// How people sign in here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoginOptions {
    pub authentication: AuthenticationState,
    pub password: bool,
    /// Null where there is no such sign-in.
    pub openid: Option<OpenIdOption>,
}

/// Sign-in by OpenID Connect: `GET /api/openid/start`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenIdOption {
    /// For the button.
    pub name: String,
}
