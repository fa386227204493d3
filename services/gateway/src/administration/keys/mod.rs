//! Keys of machines.

pub(crate) mod route;
pub(crate) mod schema;
