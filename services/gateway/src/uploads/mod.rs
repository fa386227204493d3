//! Uploads: a form with a file, received into the spool folder, where there is a place and room for it.

mod admission;
pub(crate) mod deidentified;
pub(crate) mod limits;
mod pace;
pub(crate) mod reader;
pub(crate) mod receive;
pub(crate) mod repetition;
pub(crate) mod sender;
pub(crate) mod spool;
pub(crate) mod storage_room;

pub(crate) use admission::{Place, Uploads};
