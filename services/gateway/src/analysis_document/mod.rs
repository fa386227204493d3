//! An analysis as the client sees it: the document that answers, events and problems have in common.

mod describe;
pub(crate) mod schema;

pub(crate) use describe::{describe_analysis, describe_with_place};
