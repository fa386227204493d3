//! The worklist.

pub(crate) mod route;
pub(crate) mod schema;
