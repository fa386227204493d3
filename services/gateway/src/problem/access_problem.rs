//! Refusals at the second factor and at passkeys, at acts that ask who it is again, of keys used from elsewhere, and of leaked passwords.

use actix_web::http::StatusCode;
use norma_access::PasskeyRefusal;
use norma_database::MOST_PASSKEYS;

/// Why who asks is not let on, although login and password, or the key, are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessProblem {
    /// `passkey`: whether the account has one too.
    #[error(
        "the account has a second factor: send `code` too, from the authenticator or a recovery code, or ask for a passkey where \
         `allowed` names it (POST /api/session/passkey/challenge)"
    )]
    SecondFactorRequired { passkey: bool },
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
    #[error(
        "no passkeys are taken here: identity.passkeys.mode says so, or gateway.public_url, which has to begin with https:// and a \
         name (on this machine: http://localhost)"
    )]
    PasskeysOff,
    #[error("the account has no passkey")]
    NoPasskey,
    #[error("the challenge was answered, has run out or was another browser's: ask for a new one")]
    PasskeyChallengeGone,
    #[error(
        "the passkey does not sign in here: it is not known, was taken away, or its answer is not believed"
    )]
    WrongPasskey,
    #[error(
        "the passkey's counter went back, so there may be a copy of it: sign in in another way, take the passkey away, and ask who \
         may have it"
    )]
    PasskeyCopied,
    #[error("what the authenticator answered is no passkey that is taken here: {0}")]
    PasskeyNotTaken(PasskeyRefusal),
    #[error("the passkey belongs to an account already")]
    PasskeyKnown,
    #[error("the account has as many passkeys as it may have ({MOST_PASSKEYS}): take one away first")]
    TooManyPasskeys,
    #[error("the account has no passkey of this identifier")]
    PasskeyNotFound,
}

impl AccessProblem {
    /// The HTTP status, the stable code and the title that belongs to the code.
    pub(super) fn kind(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::SecondFactorRequired { .. } => {
                (S::FORBIDDEN, "second_factor_required", "Second factor required")
            }
            Self::WrongCode => (S::FORBIDDEN, "wrong_code", "Wrong code"),
            Self::SecondFactorNotSet => (S::FORBIDDEN, "second_factor_not_set", "Second factor not set"),
            Self::SecondFactorSet => (S::CONFLICT, "second_factor_set", "Second factor set already"),
            Self::NoSecondFactor => (S::CONFLICT, "no_second_factor", "No second factor"),
            Self::SecondFactorOff => (S::CONFLICT, "second_factor_off", "No second factors here"),
            Self::OwnSecondFactor => (S::FORBIDDEN, "own_second_factor", "One's own second factor"),
            Self::VerificationRequired => (S::FORBIDDEN, "verification_required", "Password needed again"),
            Self::AddressNotAllowed => (S::FORBIDDEN, "address_not_allowed", "Address not allowed"),
            Self::PasskeysOff => (S::CONFLICT, "passkeys_off", "No passkeys here"),
            Self::NoPasskey => (S::CONFLICT, "no_passkey", "No passkey"),
            Self::PasskeyChallengeGone => (S::FORBIDDEN, "passkey_challenge_gone", "Challenge gone"),
            Self::WrongPasskey => (S::FORBIDDEN, "wrong_passkey", "Wrong passkey"),
            Self::PasskeyCopied => (S::FORBIDDEN, "passkey_copied", "Passkey copied"),
            Self::PasskeyNotTaken(_) => (S::UNPROCESSABLE_ENTITY, "passkey_not_taken", "Passkey not taken"),
            Self::PasskeyKnown => (S::CONFLICT, "passkey_known", "Passkey known already"),
            Self::TooManyPasskeys => (S::CONFLICT, "too_many_passkeys", "Too many passkeys"),
            Self::PasskeyNotFound => (S::NOT_FOUND, "passkey_not_found", "No such passkey"),
            Self::PasswordLeaked => (S::UNPROCESSABLE_ENTITY, "password_leaked", "Password leaked"),
        }
    }
}
