use std::fmt;

use norma_domain::StudyInstanceUid;
use sha2::{Digest as _, Sha256};

/// Stands for a Study Instance UID where that itself should not stand: names of folders, rows, logs. SHA-256, lower-case
/// hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StudyKey(String);

impl StudyKey {
    pub fn of(uid: &StudyInstanceUid) -> Self {
        Self(hex::encode(Sha256::digest(uid.as_str().as_bytes())))
    }

    /// None where the text is none.
    pub fn from_name(name: &str) -> Option<Self> {
        let is_key = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_key.then(|| Self(name.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StudyKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
