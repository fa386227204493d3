#![doc = include_str!("../README.md")]

mod answers;
mod drift;
mod labelled_set;
mod proposal;
mod reader_labels;
mod shadow;
mod stream;
mod study;

pub use answers::Answers;
pub use drift::{
    DRIFT_SCHEMA, DriftPlot, DriftReport, DriftWindows, DriftedQuantity, Observations, ProfileDrift,
    Quantity, SharePlot,
};
pub use labelled_set::{LabelSource, LabelledSet};
pub use proposal::{
    Asked, Assumption, FitMethod, KeepError, LabelledFit, MeasuredFigures, NothingProposed, PROPOSAL_SCHEMA,
    ProfileProposal, Proposal, SITE_POINT, VerdictChange, check_set_point, keep_proposal,
};
pub use reader_labels::{AgreedNorms, ReaderLabels};
pub use shadow::{
    DifferingStudy, GivenAnswer, ProfileAgreement, SHADOW_SCHEMA, ShadowAnswer, ShadowComparison,
    ShadowFailure, ShadowReport, VerdictPair,
};
pub use stream::{Stream, StreamStudy};
pub use study::{Grouping, LabelledStudy, LeftOut, age_band_of};
