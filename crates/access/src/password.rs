//! Passwords: Argon2id.

use std::fmt;

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::TryRngCore as _;
use rand::rngs::OsRng;

/// A password that cannot be hashed, or parameters that Argon2 does not take.
#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    #[error("these are no parameters of Argon2: {0}")]
    Parameters(argon2::Error),
    #[error("the password could not be hashed: {0}")]
    Failed(argon2::password_hash::Error),
}

/// Hashes passwords and compares them.
#[derive(Clone)]
pub struct PasswordHashing {
    argon2: Argon2<'static>,
    /// The hash of no password, for logins that do not exist.
    nobody: String,
}

impl PasswordHashing {
    /// `memory_kib` and `passes` are what an attacker has to spend for each guess; OWASP's least is 19 MiB and 2.
    ///
    /// # Errors
    /// [`HashingError::Parameters`] where Argon2 takes them not: at least 8 KiB for each lane and one pass.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, HashingError> {
        let params = Params::new(memory_kib, passes, lanes, None).map_err(HashingError::Parameters)?;
        let mut hashing = Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            nobody: String::new(),
        };
        hashing.nobody = hashing.hash("")?;
        Ok(hashing)
    }

    /// A hash with a new salt, in the PHC string format. Takes tens of milliseconds: not for an async thread.
    ///
    /// # Errors
    /// [`HashingError::Failed`] where Argon2 fails.
    pub fn hash(&self, password: &str) -> Result<String, HashingError> {
        let mut salt = [0_u8; 16];
        OsRng
            .try_fill_bytes(&mut salt)
            .expect("without randomness no salt can be made");
        let salt = SaltString::encode_b64(&salt).map_err(HashingError::Failed)?;
        self.argon2
            .hash_password(password.as_bytes(), &salt)
            .map(|hash| hash.to_string())
            .map_err(HashingError::Failed)
    }

    /// Whether the password is the one of the hash. Without a hash the answer is no, after the same work.
    pub fn verify(&self, password: &str, stored: Option<&str>) -> bool {
        let Ok(hash) = PasswordHash::new(stored.unwrap_or(&self.nobody)) else {
            return false;
        };
        // The parameters come from the hash: those of older hashes still hold.
        let is_right = self.argon2.verify_password(password.as_bytes(), &hash).is_ok();
        is_right && stored.is_some()
    }
}

impl fmt::Debug for PasswordHashing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PasswordHashing").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheapest() -> PasswordHashing {
        PasswordHashing::new(Params::MIN_M_COST, Params::MIN_T_COST, Params::MIN_P_COST)
            .expect("the least that Argon2 takes is taken")
    }

    #[test]
    fn a_password_is_known_again_and_another_is_not() {
        let hashing = cheapest();
        let stored = hashing.hash("correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$"), "{stored}");
        assert!(hashing.verify("correct horse", Some(&stored)));
        assert!(!hashing.verify("correct horse ", Some(&stored)));
        assert_ne!(
            hashing.hash("correct horse").unwrap(),
            stored,
            "each has its salt"
        );
    }

    #[test]
    fn no_account_has_no_password() {
        let hashing = cheapest();
        assert!(!hashing.verify("", None));
        assert!(!hashing.verify("", Some("")));
        assert!(!hashing.verify("x", Some("$argon2id$broken")));
    }

    #[test]
    fn a_hash_of_other_parameters_still_holds() {
        let stored = PasswordHashing::new(64, 2, 1).unwrap().hash("pass").unwrap();
        assert!(cheapest().verify("pass", Some(&stored)));
        assert!(PasswordHashing::new(1, 0, 0).is_err());
    }
}
