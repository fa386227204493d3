//! Names for what may not keep its own: the same for the same key, and nothing that leads back without it.

use std::fmt;

use hmac::{Hmac, Mac};
use rand::RngCore;
use sha2::Sha256;

/// UIDs that the standard itself gives; they name no instance of anybody's.
const STANDARD_ROOT: &str = "1.2.840.10008.";
const LEAST_KEY_BYTES: usize = 16;

/// The secret that pseudonyms are made with.
#[derive(Clone)]
pub struct Key(Vec<u8>);

/// A key that could be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key of de-identification has {LEAST_KEY_BYTES} bytes at least")]
pub struct KeyTooShort;

impl Key {
    /// A key that nobody will have again: what is made with it is linked to nothing else.
    pub fn random() -> Self {
        let mut key = vec![0; 32];
        rand::rng().fill_bytes(&mut key);
        Self(key)
    }

    /// A key that is kept, so that later studies of a patient stay linked to earlier ones.
    pub fn new(secret: &[u8]) -> Result<Self, KeyTooShort> {
        if secret.len() < LEAST_KEY_BYTES {
            return Err(KeyTooShort);
        }
        Ok(Self(secret.to_vec()))
    }

    /// For the process that de-identifies; never for a log.
    pub fn to_hexadecimal(&self) -> String {
        hex::encode(&self.0)
    }

    /// A new UID for an old one (PS3.5 annex B.2: `2.25.` and a UUID as a number).
    pub fn uid(&self, uid: &str) -> String {
        let uid = uid.trim_end_matches(['\0', ' ']).trim();
        if uid.is_empty() || uid.starts_with(STANDARD_ROOT) {
            return uid.to_owned();
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.digest(b"uid", uid)[..16]);
        // Version 8 and variant 1 (RFC 9562): a UUID made as its maker likes.
        bytes[6] = bytes[6] & 0x0F | 0x80;
        bytes[8] = bytes[8] & 0x3F | 0x80;
        format!("2.25.{}", u128::from_be_bytes(bytes))
    }

    /// A name for a patient.
    pub fn patient(&self, patient_id: &str) -> String {
        let digest = self.digest(b"patient", patient_id.trim());
        format!("NORMA-{}", hex::encode_upper(&digest[..6]))
    }

    fn digest(&self, what: &[u8], text: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(what);
        mac.update(&[0]);
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// Never the key.
impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_depends_on_the_key_and_on_what_it_stands_for() {
        let (one, other) = (Key::new(&[1; 16]).unwrap(), Key::new(&[2; 16]).unwrap());
        let uid = one.uid("1.2.3");
        assert_eq!(uid, one.uid("1.2.3\0"), "padding is no part of a UID");
        assert_ne!(uid, one.uid("1.2.4"));
        assert_ne!(uid, other.uid("1.2.3"));
        assert!(uid.starts_with("2.25.") && uid.len() <= 64, "{uid}");
        assert!(uid[5..].parse::<u128>().is_ok());
        assert_eq!(one.uid("1.2.840.10008.1.4.1.1"), "1.2.840.10008.1.4.1.1");
        assert_eq!(one.uid(""), "");
        assert_ne!(one.patient("4711"), one.patient("4712"));
        assert_eq!(Key::new(b"short").unwrap_err(), KeyTooShort);
        assert!(!format!("{one:?}").contains('1'));
    }
}
