//! Patients as registered here.

pub(crate) mod route;
pub(crate) mod schema;
