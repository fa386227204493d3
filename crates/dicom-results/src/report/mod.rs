//! The structured report.

mod content_item;
mod document;
mod statements;

pub(crate) use document::structured_report;
