//! A second bundle that answers beside the one in use without being shown: what it said, and where both differ.

mod answer;
mod compare;
mod report;

pub use self::answer::{GivenAnswer, ShadowAnswer};
pub use self::compare::{DifferingStudy, ProfileAgreement, ShadowComparison, VerdictPair};
pub use self::report::{SHADOW_SCHEMA, ShadowFailure, ShadowReport};
