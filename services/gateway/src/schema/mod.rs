//! The documents of the HTTP interface. Rows of the database and messages never leave as they are.

mod analysis;
mod audit;
mod bundle;
mod event;
mod feedback;
mod health;
mod key;
mod patient;
mod prediction;
mod scan;
mod session;
mod study;
mod user;
mod volume;

pub use analysis::{Analysis, AnalysisLinks, StageProgress, StageState};
pub use audit::{AuditActorDocument, AuditItem};
pub use bundle::{
    BundleDescription, Estimate, LabelDescription, ModelDescription, OperatingPointDescription,
};
pub use event::AnalysisEvent;
pub use feedback::{Feedback, FeedbackInput, FeedbackUser};
pub use health::{DependencyHealth, Health, Readiness};
pub use key::{Key, KeyInput, NewKey};
pub use patient::{Patient, PatientInput};
pub(crate) use patient::{checked_description, checked_name};
pub use prediction::{PredictedStudy, Prediction};
pub use scan::{Scan, ScanChange, ScanUpload};
pub use session::{
    AuthenticationState, LoginOptions, OpenIdOption, PasswordChange, SessionDocument, SessionUser, SignIn,
    SignInToken,
};
pub use study::{StudyPatient, StudyRow, TopFinding};
pub use user::{SignInKind, SignInLink, User, UserInput, UserUpdate};
pub use volume::{VolumeDescription, WindowPreset};
