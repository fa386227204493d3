//! Whether a code is one of the account's, unused.

use chrono::Utc;
use norma_access::RecoveryCode;
use norma_database::User;

use crate::identity::passkeys::has_usable_passkey;
use crate::identity::second_factor::kept::opened;
use crate::identity::sign_in::{Identity, Secret};
use crate::problem::{AccessProblem, ApiError};

/// Uses up the code of an account that has a second factor, sent from `source`; an account without one needs none.
/// Attempts are counted and slowed down as those at a password are, before the code is looked at.
///
/// # Errors
/// [`AccessProblem::SecondFactorRequired`] without a code, [`AccessProblem::WrongCode`] with one that is wrong, too old or used.
pub(crate) async fn check_second_factor(
    identity: &Identity,
    user: &User,
    code: Option<&str>,
    source: &str,
) -> Result<(), ApiError> {
    if user.second_factor_at.is_none() {
        return Ok(());
    }
    let code = code.map(str::trim).filter(|code| !code.is_empty());
    let Some(code) = code else {
        let passkey = has_usable_passkey(identity, user).await?;
        return Err(AccessProblem::SecondFactorRequired { passkey }.into());
    };
    let attempt = identity.count_attempt(Secret::Code, &user.login, source).await?;
    let is_right = match RecoveryCode::parse(code) {
        Some(code) => {
            let database = identity.database();
            database.use_recovery_code(user.id, code.hash()).await?
        }
        None => match step_of(identity, user, code).await? {
            Some((_, step)) => {
                let database = identity.database();
                database.use_second_factor_step(user.id, step).await?
            }
            None => false,
        },
    };
    if !is_right {
        return Err(AccessProblem::WrongCode.into());
    }
    identity.forget_attempt(attempt).await
}

/// The account's secret as it is stored, also one that waits for its first code, and the step of time of a code of it; none where it is of
/// another or of no time near now. Blanks in a code do not matter.
pub(super) async fn step_of(
    identity: &Identity,
    user: &User,
    code: &str,
) -> Result<Option<(Vec<u8>, i64)>, ApiError> {
    let Some(stored) = identity.database().second_factor_secret(user.id).await? else {
        return Ok(None);
    };
    let secret = opened(identity, user.id, stored.clone()).await?;
    let code: String = code
        .chars()
        .filter(|character| !character.is_whitespace())
        .collect();
    let now = u64::try_from(Utc::now().timestamp()).map_err(ApiError::internal)?;
    let step = secret.step_of(&code, now).map_err(ApiError::internal)?;
    let step = step.map(i64::try_from).transpose().map_err(ApiError::internal)?;
    Ok(step.map(|step| (stored, step)))
}
