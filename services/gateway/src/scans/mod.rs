//! Uploaded studies.

mod preamble;
pub(crate) mod route;
pub(crate) mod schema;
