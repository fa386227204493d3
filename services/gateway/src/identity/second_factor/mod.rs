//! Codes of an authenticator beside the password of local accounts, and codes for a lost device.

mod check;
mod kept;
pub(crate) mod route;
pub(crate) mod schema;

pub(crate) use check::check_second_factor;
