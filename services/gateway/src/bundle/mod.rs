//! The models that act together.

mod describe;
pub(crate) mod route;
mod running;
pub(crate) mod schema;

pub(crate) use describe::describe_bundle;
pub use running::BundleSource;
pub(crate) use running::RunningBundle;
