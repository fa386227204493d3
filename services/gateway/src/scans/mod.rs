//! Uploaded studies.

pub(crate) mod answer;
mod deletion;
mod duplicates;
mod preamble;
pub(crate) mod route;
pub(crate) mod schema;
mod storage;
mod undoing;
pub(crate) mod upload;

pub(crate) use deletion::forget_objects;
pub(crate) use storage::{NewUpload, store_scan};
pub(crate) use undoing::Leftover;
