use chrono::{DateTime, Utc};
use norma_database as rows;
use norma_domain::{Role, Roles, UserId};
use norma_service::{IdentitySettings, SecondFactorMode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

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
    /// Null for keys, for accounts of OpenID Connect and with authentication off.
    pub second_factor: Option<SessionSecondFactor>,
}

/// Whether codes or a passkey are asked for beside the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionSecondFactor {
    pub is_set: bool,
    /// The account's roles need one, and it has none: nothing else opens before.
    pub must_set: bool,
    /// Whether one can be set up here.
    pub is_offered: bool,
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
    pub(crate) fn of(caller: &Caller, settings: &IdentitySettings) -> Self {
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
            second_factor: None,
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
                    second_factor: user.openid.is_none().then(|| SessionSecondFactor {
                        is_set: user.second_factor_at.is_some(),
                        must_set: caller.must_set_second_factor(settings),
                        is_offered: settings.second_factor.mode == SecondFactorMode::Optional,
                    }),
                }
            }
        }
    }
}

/// How a session began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionBegan {
    Password,
    Link,
    Openid,
    Passkey,
}

/// Where somebody is signed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListedSession {
    /// For ending it; nobody signs in with it.
    pub id: Uuid,
    /// Whether it is the one that asks.
    pub is_current: bool,
    pub began_by: SessionBegan,
    /// What signed in, as it named itself; null where that is not known.
    #[schema(example = "Firefox")]
    pub browser: Option<String>,
    #[schema(example = "Windows")]
    pub system: Option<String>,
    /// Of the network that it was begun from.
    #[schema(example = "192.0.2.7")]
    pub address: Option<String>,
    pub created_at: DateTime<Utc>,
    /// To the minute.
    pub last_used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

impl ListedSession {
    pub(crate) fn of(row: rows::ListedSession, current: Option<Uuid>) -> Self {
        let known = |text: String| (!text.is_empty()).then_some(text);
        Self {
            id: row.id,
            is_current: current == Some(row.id),
            began_by: match row.method {
                rows::SessionMethod::Password => SessionBegan::Password,
                rows::SessionMethod::Link => SessionBegan::Link,
                rows::SessionMethod::OpenId => SessionBegan::Openid,
                rows::SessionMethod::Passkey => SessionBegan::Passkey,
            },
            browser: known(row.origin.browser),
            system: known(row.origin.system),
            address: known(row.origin.address),
            created_at: row.created_at,
            last_used_at: row.last_seen_at,
            expires_at: row.expires_at,
        }
    }
}

/// Where an account is signed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Sessions {
    /// The one that was used last first.
    pub items: Vec<ListedSession>,
}

/// What an end to sessions ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndedSessions {
    pub ended: usize,
}

/// Where to go after signing out here, to sign out at the issuer too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignOutElsewhere {
    /// A page of the issuer of OpenID Connect, which sends the browser back to the sign-in page.
    pub continue_at: String,
}

/// A sign-in with a password.
#[derive(Deserialize, ToSchema)]
pub struct SignIn {
    #[schema(max_length = 200, example = "anna.petrova")]
    pub login: String,
    #[schema(max_length = 1024, format = Password)]
    pub password: String,
    /// Where the account has a second factor: of the authenticator, or a recovery code.
    #[serde(default)]
    #[schema(max_length = 100, example = "123456")]
    pub code: Option<String>,
}

/// Who is signed in shows again who they are.
#[derive(Deserialize, ToSchema)]
pub struct Verification {
    #[schema(max_length = 1024, format = Password)]
    pub password: String,
    /// Where the account has a second factor: of the authenticator, or a recovery code.
    #[serde(default)]
    #[schema(max_length = 100, example = "123456")]
    pub code: Option<String>,
}

/// A sign-in with a link: what stands behind `#token=`.
#[derive(Deserialize, ToSchema)]
pub struct SignInToken {
    #[schema(max_length = 200)]
    pub token: String,
    /// Where the account has a second factor: of the authenticator, or a recovery code.
    #[serde(default)]
    #[schema(max_length = 100, example = "123456")]
    pub code: Option<String>,
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
    /// Whether a passkey alone signs in: `POST /api/session/passkey/challenge`.
    pub passkey: bool,
    /// Null where there is no such sign-in.
    pub openid: Option<OpenIdOption>,
}

/// Sign-in by OpenID Connect: `GET /api/openid/start`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenIdOption {
    /// For the button.
    pub name: String,
}
