//! How many instances a study should have, by who is to say so: the instances themselves, the archive that they are of, or the modality.

mod counter;
mod here;
mod of_request;
mod rules;
mod source;
mod stated;
mod steps;

pub(crate) use counter::{Counted, Counter, worst};
pub(crate) use here::StudyHere;
pub(crate) use of_request::RequestCounts;
pub(crate) use rules::ExpectedRule;
pub use rules::ExpectedRules;
pub(crate) use source::{OfSource, SourceCounts};
pub(crate) use stated::Stated;
pub(crate) use steps::Steps;
