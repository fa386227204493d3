//! People's accounts.

pub(crate) mod route;
pub(crate) mod schema;
