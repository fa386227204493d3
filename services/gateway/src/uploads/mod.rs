//! Uploads: a form with a file, or instances by DICOMweb, received into the spool folder, where there is a place and room for
//! them.

mod admission;
mod archive;
pub(crate) mod comparison;
pub(crate) mod deidentified;
pub(crate) mod instances;
pub(crate) mod limits;
mod pace;
mod part_headers;
pub(crate) mod reader;
pub(crate) mod receive;
pub(crate) mod repetition;
pub(crate) mod sender;
pub(crate) mod spool;
pub(crate) mod storage_room;

pub(crate) use admission::{Place, Uploads};
