//! Health, readiness, metrics.

pub(crate) mod route;
pub(crate) mod schema;
