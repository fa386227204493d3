//! Codes for a lost device, beside codes of an authenticator and passkeys alike.

use norma_access::RecoveryCode;

/// What is shown once, and what is kept of it.
pub(crate) fn codes_and_hashes() -> (Vec<String>, Vec<[u8; 32]>) {
    let codes = RecoveryCode::generate_all();
    codes.iter().map(|code| (code.expose(), code.hash())).unzip()
}
