//! Uploaded studies.

mod deletion;
mod preamble;
pub(crate) mod route;
pub(crate) mod schema;
mod storage;

pub(crate) use deletion::forget_objects;
pub(crate) use storage::{NewUpload, store_scan};
