//! Whose study it is: what an upload says of its patient, and the way into another record.

pub(crate) mod route;
pub(crate) mod schema;
mod stored;
