//! The first start: an administrator without a password, and a link that signs in once. No default password exists.

use norma_database::{Database, DatabaseError, NewAuditEvent, NewUser, User};
use norma_domain::{Role, Roles};

use crate::identity::sign_in::Identity;

/// Login of the account that the first start makes.
const FIRST_LOGIN: &str = "administrator";

/// What the first account may do: on a laptop it is the only one.
const FIRST_ROLES: Roles = Roles::of(&[Role::Clinician, Role::Operator, Role::Administrator]);

/// A link for the administrator where none can sign in yet; None once one has a password or signs in elsewhere.
pub(crate) async fn first_link(
    identity: &Identity,
    database: &Database,
    base_url: &str,
) -> anyhow::Result<Option<String>> {
    let administrators = database.administrators().await?;
    let can_sign_in = |user: &User| user.password_hash.is_some() || user.openid.is_some();
    if administrators.iter().any(can_sign_in) {
        return Ok(None);
    }
    let administrator = match administrators.into_iter().next() {
        Some(administrator) => administrator,
        None => make_administrator(database).await?,
    };
    let (link, _) = identity.sign_in_link(base_url, &administrator).await?;
    let event = NewAuditEvent::of_system("gateway", "user.sign_in_link").about("user", administrator.id);
    database.append_audit_events(vec![event]).await?;
    Ok(Some(link))
}

async fn make_administrator(database: &Database) -> anyhow::Result<User> {
    let made = database
        .create_user(NewUser {
            login: FIRST_LOGIN.to_owned(),
            display_name: "Administrator".to_owned(),
            roles: FIRST_ROLES,
            openid: None,
        })
        .await;
    match made {
        Ok(user) => {
            let event = NewAuditEvent::of_system("gateway", "user.create").about("user", user.id);
            database.append_audit_events(vec![event]).await?;
            Ok(user)
        }
        // Another gateway was faster.
        Err(DatabaseError::UniqueViolation { .. }) => {
            let user = database.user_of_login(FIRST_LOGIN).await?;
            user.filter(|user| !user.disabled && user.roles.contains(Role::Administrator))
                .ok_or_else(|| {
                    anyhow::anyhow!(
                        "no enabled administrator is left and the login {FIRST_LOGIN} is taken: \
                         `norma users create LOGIN --role administrator` makes one"
                    )
                })
        }
        Err(error) => Err(error.into()),
    }
}
