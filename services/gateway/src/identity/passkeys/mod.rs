//! Passkeys of local accounts: a second factor beside the password or a link, and a sign-in without either.
//!
//! A challenge is kept here and good for one answer within minutes. It is found by what the browser alone holds: the session where
//! somebody is signed in, and a cookie of its own where somebody signs in.

mod ceremony;
mod cookie;
pub(crate) mod route;
pub(crate) mod schema;
pub(crate) mod sign_in;
pub(crate) mod verification;

pub(crate) use ceremony::has_usable_passkey;
