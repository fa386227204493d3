//! Thresholds that a site's own studies propose, for each scanner profile by itself.

mod document;
mod fit;
mod keep;
mod site_file;

pub use self::document::{
    Assumption, FitMethod, LabelledFit, NothingProposed, PROPOSAL_SCHEMA, ProfileProposal, Proposal,
    VerdictChange,
};
pub use self::fit::Asked;
pub use self::keep::{KeepError, check_set_point, keep_proposal};
pub use self::site_file::{MeasuredFigures, SITE_POINT};
