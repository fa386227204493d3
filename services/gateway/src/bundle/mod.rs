//! The models that act together.

mod describe;
pub(crate) mod route;
pub(crate) mod schema;

pub(crate) use describe::describe_bundle;
