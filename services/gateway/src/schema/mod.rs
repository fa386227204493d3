//! The documents of the HTTP interface. Rows of the database and messages never leave as they are.

mod analysis;
mod bundle;
mod event;
mod feedback;
mod health;
mod patient;
mod prediction;
mod scan;
mod study;
mod volume;

pub use analysis::{Analysis, AnalysisLinks, StageProgress, StageState};
pub use bundle::{
    BundleDescription, Estimate, LabelDescription, ModelDescription, OperatingPointDescription,
};
pub use event::AnalysisEvent;
pub use feedback::{Feedback, FeedbackInput};
pub use health::{DependencyHealth, Health, Readiness};
pub(crate) use patient::checked_description;
pub use patient::{Patient, PatientInput};
pub use prediction::{PredictedStudy, Prediction};
pub use scan::{Scan, ScanChange, ScanUpload};
pub use study::{StudyPatient, StudyRow, TopFinding};
pub use volume::{VolumeDescription, WindowPreset};
