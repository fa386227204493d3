//! The models that act together.

mod describe;
pub(crate) mod route;
mod running;
pub(crate) mod schema;

pub use running::ModelSource;
pub(crate) use running::{Question, RunningBundle};
