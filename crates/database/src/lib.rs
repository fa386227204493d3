#![doc = include_str!("../README.md")]

mod analyses;
mod connection;
mod database;
mod error;
mod feedback;
mod json;
mod migrations;
mod outbox;
mod page;
mod patients;
mod predictions;
mod progress;
mod reports;
mod scans;
mod schema;
mod search;
mod sql_types;
mod stage_ends;
mod studies;
mod suspicion;
mod text;
mod time;
mod url;

pub use analyses::{Analysis, AnalysisProgress, NewAnalysis, RequestedAnalysis};
pub use database::{Database, DatabaseOptions};
pub use error::DatabaseError;
pub use feedback::{Feedback, NewFeedback};
pub use outbox::OutboxMessage;
pub use page::{Listing, Page};
pub use patients::{Patient, PatientDetails};
pub use predictions::{PredictedScan, Prediction, Rejection};
pub use reports::{Answer, TopFinding};
pub use scans::{DeletedScan, NewScan, Scan};
pub use stage_ends::StageEnd;
pub use studies::{StudyOrder, StudyQuery, StudyRow};
pub use url::DatabaseUrl;
