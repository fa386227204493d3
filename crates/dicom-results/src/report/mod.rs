//! Structured documents: the report, and the selection of key objects.

mod content_item;
mod context;
mod document;
mod key_objects;
mod statements;

pub(crate) use document::structured_report;
pub(crate) use key_objects::key_objects;
