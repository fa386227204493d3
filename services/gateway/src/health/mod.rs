//! Health, readiness, metrics.

mod readiness;
pub(crate) mod route;
pub(crate) mod schema;
