//! Which studies are analysed and how, and where their results go: by the rules of the settings.

mod facts;
mod pattern;
mod read;
pub(crate) mod route;
mod router;
mod rules;
pub(crate) mod schema;

pub use facts::{SeriesFacts, StudyFacts};
pub(crate) use read::read_facts;
pub(crate) use router::{Router, unknown_point};
pub use rules::{Route, Rules};
