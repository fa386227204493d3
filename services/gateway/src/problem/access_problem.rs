//! Refusals at the second factor, at acts that ask who it is again, of keys used from elsewhere, and of leaked passwords.

use actix_web::http::StatusCode;

/// Why who asks is not let on, although login and password, or the key, are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessProblem {
    #[error("the account has a second factor: send `code` too, from the authenticator or a recovery code")]
    SecondFactorRequired,
    #[error("the code is wrong, has run out or was used before")]
    WrongCode,
    #[error(
        "accounts with these roles need a second factor: set one up (POST /api/session/second-factor), then everything \
         else opens"
    )]
    SecondFactorNotSet,
    #[error("the account has a second factor: remove that first")]
    SecondFactorSet,
    #[error("the account has no second factor, or none was begun")]
    NoSecondFactor,
    #[error("no second factor is set up here (identity.second_factor.mode)")]
    SecondFactorOff,
    #[error(
        "this is your own account: remove your second factor where you are signed in (DELETE /api/session/second-factor)"
    )]
    OwnSecondFactor,
    #[error(
        "it is too long since you gave your password: give it again (POST /api/session/verification; by OpenID Connect, sign in \
         again), then repeat this"
    )]
    VerificationRequired,
    #[error("the key is not used from this address: `allowed_addresses` of the key names others")]
    AddressNotAllowed,
    #[error(
        "the password, or the word that it is made of, is in published lists of leaked passwords, which are tried first: take \
         several words of your own, or what a password manager makes"
    )]
    PasswordLeaked,
}

impl AccessProblem {
    /// The HTTP status, the stable code and the title that belongs to the code.
    pub(super) fn kind(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::SecondFactorRequired => (S::FORBIDDEN, "second_factor_required", "Second factor required"),
            Self::WrongCode => (S::FORBIDDEN, "wrong_code", "Wrong code"),
            Self::SecondFactorNotSet => (S::FORBIDDEN, "second_factor_not_set", "Second factor not set"),
            Self::SecondFactorSet => (S::CONFLICT, "second_factor_set", "Second factor set already"),
            Self::NoSecondFactor => (S::CONFLICT, "no_second_factor", "No second factor"),
            Self::SecondFactorOff => (S::CONFLICT, "second_factor_off", "No second factors here"),
            Self::OwnSecondFactor => (S::FORBIDDEN, "own_second_factor", "One's own second factor"),
            Self::VerificationRequired => (S::FORBIDDEN, "verification_required", "Password needed again"),
            Self::AddressNotAllowed => (S::FORBIDDEN, "address_not_allowed", "Address not allowed"),
            Self::PasswordLeaked => (S::UNPROCESSABLE_ENTITY, "password_leaked", "Password leaked"),
        }
    }
}
