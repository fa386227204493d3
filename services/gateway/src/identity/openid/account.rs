//! The account of a person who comes from the issuer.

use norma_database::{Database, DatabaseError, NewUser, User};
use norma_domain::UserId;

use crate::identity::openid::Refusal;
use crate::identity::openid::provider::Person;
use crate::problem::ApiError;

const LONGEST_NAME: usize = 200;
/// Attempts at a login that nobody has.
const ATTEMPTS: usize = 20;

/// The account of a person, made at the first sign-in. Its roles are those that the issuer says now; the person is
/// known by issuer and subject alone, so that nobody gets into another's account by its name.
pub(crate) async fn account_of(
    database: &Database,
    person: &Person,
) -> Result<Result<User, Refusal>, ApiError> {
    let known = database
        .user_of_openid(person.issuer.clone(), person.subject.clone())
        .await?;
    let name = display_name(person);
    let user = match known {
        Some(user) if user.disabled => return Ok(Err(Refusal::Disabled)),
        Some(user) => database
            .update_openid_user(user.id, name, person.roles)
            .await?
            .ok_or(ApiError::UserNotFound)?,
        None if person.roles.is_empty() => return Ok(Err(Refusal::NoRole)),
        None => new_account(database, person, &name).await?,
    };
    Ok(if user.roles.is_empty() {
        Err(Refusal::NoRole)
    } else {
        Ok(user)
    })
}

async fn new_account(database: &Database, person: &Person, name: &str) -> Result<User, ApiError> {
    let wanted = login_of(person);
    for attempt in 0..ATTEMPTS {
        let login = match attempt {
            0 => wanted.clone(),
            // A local account may have the name: it is not this person's.
            attempt => format!("{wanted}-{}", attempt + 1),
        };
        let made = database
            .create_user(NewUser {
                login,
                display_name: name.to_owned(),
                roles: person.roles,
                openid: Some((person.issuer.clone(), person.subject.clone())),
            })
            .await;
        match made {
            Ok(user) => return Ok(user),
            Err(DatabaseError::UniqueViolation { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ApiError::LoginTaken)
}

fn login_of(person: &Person) -> String {
    let login: String = person
        .login
        .as_deref()
        .unwrap_or(&person.subject)
        .chars()
        .filter(|character| !character.is_control() && !character.is_whitespace())
        .take(90)
        .collect();
    if login.is_empty() {
        UserId::generate().to_string()
    } else {
        login
    }
}

fn display_name(person: &Person) -> String {
    let name: String = person
        .name
        .as_deref()
        .unwrap_or_default()
        .chars()
        .filter(|character| !character.is_control())
        .take(LONGEST_NAME)
        .collect();
    if name.trim().is_empty() {
        login_of(person)
    } else {
        name
    }
}
