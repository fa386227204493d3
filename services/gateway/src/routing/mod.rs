//! Which studies that come by C-STORE are analysed and how, and where their results go: by the rules of the settings.

mod facts;
mod pattern;
mod read;
mod rules;

pub use facts::{SeriesFacts, StudyFacts};
pub(crate) use read::read_facts;
pub use rules::{Route, Rules};
