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
pub(crate) use duplicates::{Earlier, earlier_scan, other_content_detail};
pub(crate) use storage::{NewUpload, store_scan};
pub(crate) use undoing::Leftover;
