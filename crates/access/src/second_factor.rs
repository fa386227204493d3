//! Codes by time as a second factor (RFC 6238), and codes for a lost device.

use std::fmt;

use qrcode::QrCode;
use qrcode::render::svg;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use totp_rs::{Builder, Totp};

use crate::{TokenHash, sha256};

/// RFC 4226, section 4, R6: 160 bits.
const SECRET_BYTES: usize = 20;
/// Codes that an account gets for a lost device.
const RECOVERY_CODES: usize = 10;
/// 120 bits: nobody finds one from its hash, so a slow hash would add nothing (OWASP ASVS 5.0, 6.5.2: 112 bits).
const RECOVERY_BYTES: usize = 15;
/// Five bits each, none of which is taken for another (Crockford's base 32).
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const GROUP: usize = 4;

/// Bytes that are no secret of a second factor, or a login that cannot stand in its address.
#[derive(Debug, thiserror::Error)]
#[error("this is no second factor: {0}")]
pub struct InvalidSecondFactor(String);

/// What codes of 6 digits, each for 30 seconds, are reckoned from.
pub struct TotpSecret(Vec<u8>);

impl TotpSecret {
    /// 160 bits of the operating system's generator.
    ///
    /// # Panics
    /// Where the operating system has no randomness: nothing may go on then.
    pub fn generate() -> Self {
        Self(random::<SECRET_BYTES>().to_vec())
    }

    /// What was stored.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    fn codes(&self) -> Result<Builder, InvalidSecondFactor> {
        if self.0.len() != SECRET_BYTES {
            return Err(InvalidSecondFactor("the secret has not 160 bits".to_owned()));
        }
        // SHA-1, 6 digits and 30 seconds: what every authenticator knows, and one step of skew to either side (RFC 6238, 5.2).
        Ok(Builder::new()
            .with_secret(self.0.clone())
            .with_skew(1)
            .with_step_duration(30))
    }

    /// The step of time whose code this is, if it is one of the step at `unix_seconds` or of those beside it. Whether it was
    /// used before is the caller's to know.
    ///
    /// # Errors
    /// [`InvalidSecondFactor`] where what was stored is no secret.
    pub fn step_of(&self, code: &str, unix_seconds: u64) -> Result<Option<u64>, InvalidSecondFactor> {
        Ok(built(self.codes()?)?.check(code, unix_seconds))
    }

    /// The code at a time.
    ///
    /// # Errors
    /// [`InvalidSecondFactor`] where what was stored is no secret.
    pub fn code_at(&self, unix_seconds: u64) -> Result<String, InvalidSecondFactor> {
        Ok(built(self.codes()?)?.generate(unix_seconds).to_string())
    }

    /// What an authenticator takes: the secret to type, and the address that the picture holds.
    ///
    /// # Errors
    /// [`InvalidSecondFactor`] where the names cannot stand in the address.
    pub fn enrolment(&self, issuer: &str, login: &str) -> Result<Enrolment, InvalidSecondFactor> {
        // A colon stands between the two.
        let plain = |text: &str| text.replace(':', " ");
        let codes = self
            .codes()?
            .with_issuer(Some(plain(issuer)))
            .with_account_name(plain(login));
        let codes = built(codes)?;
        let url = codes
            .to_url()
            .map_err(|error| InvalidSecondFactor(error.to_string()))?;
        let picture = QrCode::new(url.as_bytes()).map_err(|error| InvalidSecondFactor(error.to_string()))?;
        Ok(Enrolment {
            secret: codes.secret().to_base32(),
            qr_svg: picture
                .render::<svg::Color<'_>>()
                .min_dimensions(240, 240)
                .build(),
            url,
        })
    }
}

fn built(builder: Builder) -> Result<Totp, InvalidSecondFactor> {
    builder
        .build()
        .map_err(|error| InvalidSecondFactor(error.to_string()))
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TotpSecret(…)")
    }
}

/// What sets an authenticator up. Each of the three holds the secret.
pub struct Enrolment {
    /// In base 32.
    pub secret: String,
    /// `otpauth://totp/…`
    pub url: String,
    /// The address as a picture.
    pub qr_svg: String,
}

/// A code that signs in once where the device is lost.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(String);

impl RecoveryCode {
    /// As many as an account gets.
    pub fn generate_all() -> Vec<Self> {
        (0..RECOVERY_CODES).map(|_| Self::generate()).collect()
    }

    fn generate() -> Self {
        let bits = random::<RECOVERY_BYTES>()
            .iter()
            .fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
        let length = RECOVERY_BYTES * 8 / 5;
        let text = (0..length)
            .map(|place| char::from(LETTERS[(bits >> (5 * place) & 31) as usize]))
            .collect();
        Self(text)
    }

    /// What a person typed: dashes, blanks and case do not matter, nor that o is taken for 0, and i or l for 1. None where it
    /// has not the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let code: String = text
            .chars()
            .filter(|character| !character.is_whitespace() && *character != '-')
            .map(|character| match character.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                other => other,
            })
            .collect();
        let is_one = code.len() == RECOVERY_BYTES * 8 / 5 && code.bytes().all(|byte| LETTERS.contains(&byte));
        is_one.then_some(Self(code))
    }

    /// As it is shown: `4x7k-…`.
    pub fn expose(&self) -> String {
        let groups: Vec<&str> = (0..self.0.len())
            .step_by(GROUP)
            .map(|start| &self.0[start..start + GROUP])
            .collect();
        groups.join("-")
    }

    pub fn hash(&self) -> TokenHash {
        sha256(self.0.as_bytes())
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RecoveryCode(…)")
    }
}

fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0_u8; LENGTH];
    OsRng
        .try_fill_bytes(&mut bytes)
        .expect("without randomness no secret can be made");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the secret of its tests, and the last six of the eight digits of its SHA-1 codes.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890".to_vec());
        for (at, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.code_at(at).unwrap(), code);
            assert_eq!(secret.step_of(code, at).unwrap(), Some(at / 30));
        }
    }

    #[test]
    fn a_clock_may_be_one_step_off_and_no_more() {
        let secret = TotpSecret::generate();
        let now = 1_800_000_015;
        let code = secret.code_at(now).unwrap();
        let step = Some(now / 30);
        for seconds in [now - 30, now, now + 30] {
            assert_eq!(secret.step_of(&code, seconds).unwrap(), step);
        }
        for seconds in [now - 60, now + 60] {
            // Two of a million codes are alike; those of two steps apart seldom are.
            assert_ne!(secret.step_of(&code, seconds).unwrap(), step);
        }
        for wrong in ["", "12345", "1234567", "abcdef", "１２３４５６"] {
            assert_eq!(secret.step_of(wrong, now).unwrap(), None, "{wrong}");
        }
    }

    #[test]
    fn an_authenticator_is_told_the_secret_and_whose_it_is() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890".to_vec());
        let told = secret.enrolment("Norma: hospital", "анна:p").unwrap();
        assert_eq!(told.secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert!(
            told.url.starts_with("otpauth://totp/Norma%20%20hospital:"),
            "{}",
            told.url
        );
        assert!(
            told.url.contains(&format!("secret={}", told.secret)),
            "{}",
            told.url
        );
        assert!(told.qr_svg.contains("<svg"));
        assert!(
            TotpSecret::from_bytes(Vec::new())
                .enrolment("Norma", "a")
                .is_err()
        );
        assert_ne!(TotpSecret::generate().expose(), TotpSecret::generate().expose());
        assert_eq!(format!("{secret:?}"), "TotpSecret(…)");
    }

    #[test]
    fn recovery_codes_are_read_as_people_type_them() {
        let codes = RecoveryCode::generate_all();
        assert_eq!(codes.len(), 10);
        for code in &codes {
            let shown = code.expose();
            assert_eq!(shown.len(), 29, "{shown}");
            assert_eq!(RecoveryCode::parse(&shown).as_ref(), Some(code));
            let typed = shown
                .to_uppercase()
                .replace('-', " ")
                .replace('0', "O")
                .replace('1', "l");
            assert_eq!(RecoveryCode::parse(&typed).unwrap().hash(), code.hash());
        }
        assert_ne!(codes[0].hash(), codes[1].hash());
        for none in [
            "",
            "123456",
            "4x7k-4x7k-4x7k-4x7k-4x7k-4x7",
            "4x7k-4x7k-4x7k-4x7k-4x7k-4x7u",
            "4x7k-4x7k-4x7k-4x7k-4x7k-4x7к",
        ] {
            assert_eq!(RecoveryCode::parse(none), None, "{none}");
        }
    }
}
