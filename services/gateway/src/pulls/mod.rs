//! Studies that are pulled from archives: looked for, asked for, and had from a queue in the database.

mod attempt;
mod failure;
mod priors;
mod puller;
pub(crate) mod route;
pub(crate) mod schema;
mod source;
mod trail;
mod watch;

pub(crate) use failure::failure_of;
pub(crate) use priors::PriorsOptions;
pub(crate) use puller::{Puller, PullerParts};
pub use source::{FoundStudies, Sources};
pub(crate) use watch::{OfArchive, PullWatch};
