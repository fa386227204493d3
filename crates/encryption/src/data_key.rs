use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use secrecy::zeroize::Zeroize as _;

pub(crate) const KEY_BYTES: usize = 32;

/// A key of AES-256. It is overwritten when it goes.
pub struct DataKey([u8; KEY_BYTES]);

impl DataKey {
    /// By the system's generator.
    pub fn generate() -> Self {
        let mut bytes = [0; KEY_BYTES];
        OsRng
            .try_fill_bytes(&mut bytes)
            .expect("the system's generator gives bytes on every system that Norma runs on");
        Self(bytes)
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    pub(crate) fn cipher(&self) -> LessSafeKey {
        let key = UnboundKey::new(&AES_256_GCM, &self.0).expect("a key of AES-256 has 32 bytes");
        LessSafeKey::new(key)
    }
}

impl Drop for DataKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DataKey(…)")
    }
}
