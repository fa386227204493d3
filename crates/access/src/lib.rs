#![doc = include_str!("../README.md")]

mod leaked_passwords;
mod networks;
mod passkeys;
mod password;
mod second_factor;
mod token;

pub use leaked_passwords::is_leaked;
pub use networks::{InvalidNetworks, MOST_NETWORKS, Networks};
pub use passkeys::{Assertion, Ceremony, Passkey, PasskeyOwner, PasskeyRefusal, RelyingParty, UsedPasskey};
pub use password::{HashingError, PasswordHashing};
pub use second_factor::{Enrolment, InvalidSecondFactor, RecoveryCode, TotpSecret};
pub use token::{ApiKeySecret, InvalidToken, Token, TokenHash, are_equal, sha256};
