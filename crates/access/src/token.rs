//! Random tokens and their hashes.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// SHA-256 of a token: what is stored. A token has 256 random bits, so a slow hash would add nothing.
pub type TokenHash = [u8; 32];

const RANDOM_BYTES: usize = 32;
/// 32 bytes in base64 without padding.
const TEXT_LENGTH: usize = 43;

/// Marks an API key, so that scanners find leaked ones.
const KEY_MARK: &str = "norma_";
/// Characters of a key that are shown again later.
const PREFIX_LENGTH: usize = KEY_MARK.len() + 6;

/// A text that was never a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no token")]
pub struct InvalidToken;

/// The secret of a session or of a one-time link.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// 256 bits of the operating system's generator, as 43 characters that need no escaping in a URL or a cookie.
    ///
    /// # Panics
    /// Where the operating system has no randomness: nothing may go on then.
    pub fn generate() -> Self {
        let mut bytes = [0_u8; RANDOM_BYTES];
        OsRng
            .try_fill_bytes(&mut bytes)
            .expect("without randomness no secret can be made");
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a client sent.
    ///
    /// # Errors
    /// [`InvalidToken`] where it has not the form of one.
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        let is_one = text.len() == TEXT_LENGTH && URL_SAFE_NO_PAD.decode(text).is_ok();
        is_one.then(|| Self(text.to_owned())).ok_or(InvalidToken)
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn hash(&self) -> TokenHash {
        sha256(self.0.as_bytes())
    }

    /// A second secret that only the holder of this one can know, for one purpose.
    pub fn derive(&self, purpose: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(purpose.as_bytes());
        hash.update(b"\0");
        hash.update(self.0.as_bytes());
        URL_SAFE_NO_PAD.encode(hash.finalize())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

/// The secret of an API key: `norma_` and a token.
#[derive(Clone)]
pub struct ApiKeySecret(String);

impl ApiKeySecret {
    pub fn generate() -> Self {
        Self(format!("{KEY_MARK}{}", Token::generate().expose()))
    }

    /// What a client sent.
    ///
    /// # Errors
    /// [`InvalidToken`] where it has not the form of one.
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        Token::parse(text.strip_prefix(KEY_MARK).ok_or(InvalidToken)?)?;
        Ok(Self(text.to_owned()))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn hash(&self) -> TokenHash {
        sha256(self.0.as_bytes())
    }

    /// What a person recognises the key by: 36 of its 256 bits.
    pub fn prefix(&self) -> &str {
        &self.0[..PREFIX_LENGTH]
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKeySecret(…)")
    }
}

pub fn sha256(bytes: &[u8]) -> TokenHash {
    Sha256::digest(bytes).into()
}

/// Compares secrets in a time that does not tell where they differ.
pub fn are_equal(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_made() {
        let token = Token::generate();
        assert_eq!(token.expose().len(), TEXT_LENGTH);
        assert_eq!(Token::parse(token.expose()).unwrap().hash(), token.hash());
        assert_ne!(Token::generate().expose(), token.expose());
        assert_ne!(token.derive("csrf"), token.derive("other"));
        assert!(!format!("{token:?}").contains(token.expose()));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let token = Token::generate();
        for text in [
            "",
            "abc",
            &token.expose()[1..],
            &format!("{}=", &token.expose()[1..]),
        ] {
            assert_eq!(Token::parse(text).err(), Some(InvalidToken), "{text}");
        }
        assert!(ApiKeySecret::parse(token.expose()).is_err());
        let key = ApiKeySecret::generate();
        assert_eq!(ApiKeySecret::parse(key.expose()).unwrap().hash(), key.hash());
        assert_eq!(key.prefix().len(), 12);
    }
}
