//! Who asks, and what they may do: one table of rules ([`operations`]), applied in one place ([`middleware`]).

pub(crate) mod authentication;
pub(crate) mod caller;
mod device;
pub(crate) mod first_start;
mod held_up;
pub(crate) mod middleware;
pub(crate) mod openid;
pub(crate) mod operations;
pub(crate) mod passkeys;
mod password_strength;
mod recovery_codes;
pub(crate) mod route;
pub(crate) mod schema;
pub(crate) mod second_factor;
pub(crate) mod session_cookie;
pub(crate) mod sessions;
pub(crate) mod sign_in;
pub(crate) mod source;
pub(crate) mod verification;

pub(crate) use caller::{Access, Caller, Notes};
pub(crate) use sign_in::Identity;
