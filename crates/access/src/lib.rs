#![doc = include_str!("../README.md")]

mod password;
mod token;

pub use password::{HashingError, PasswordHashing};
pub use token::{ApiKeySecret, InvalidToken, Token, TokenHash, are_equal, sha256};
