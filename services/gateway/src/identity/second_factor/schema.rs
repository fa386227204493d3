use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The codes of the account that asks; its passkeys stand at `GET /api/session/passkeys`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SecondFactor {
    /// Since when codes are asked for; null where they are not.
    pub since: Option<DateTime<Utc>>,
    /// Codes for a lost device that are left, also beside passkeys.
    pub recovery_codes_left: u64,
    /// Whether the account's roles need one.
    pub is_required: bool,
    /// Whether one can be set up here.
    pub is_offered: bool,
}

/// What sets an authenticator up: shown here and never again. It counts once a code of it was sent.
#[derive(Serialize, ToSchema)]
pub struct SecondFactorStart {
    /// In base 32, to be typed where nothing can be scanned.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    pub secret: String,
    /// For the authenticator, `otpauth://totp/…`.
    pub url: String,
    /// The same as a picture to be scanned, SVG.
    pub qr_svg: String,
}

/// A code of the authenticator.
#[derive(Deserialize, ToSchema)]
pub struct SecondFactorCode {
    #[schema(max_length = 100, example = "123456")]
    pub code: String,
}

/// Codes for a lost device, each good for one sign-in: shown here and never again.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    pub recovery_codes: Vec<String>,
}
