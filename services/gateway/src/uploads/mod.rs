//! Uploads: a form with a file, received into the spool folder, where there is a place and room for it.

mod pace;
pub(crate) mod reader;
pub(crate) mod receive;
pub(crate) mod storage_room;
