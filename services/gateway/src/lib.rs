#![doc = include_str!("../README.md")]

mod administration;
mod analyses;
mod analysis_document;
mod audit;
mod back_off;
mod bundle;
mod certificate;
mod conformance;
mod connections;
mod deliveries;
mod dicom_results;
mod dicomweb;
mod display;
mod events;
mod fair_turns;
mod feedback;
mod gateway;
mod health;
mod http;
mod identity;
mod instance_counts;
mod kept;
mod lease;
mod network_peer;
mod new_uid;
mod openapi;
mod options;
mod pacs;
mod page;
mod patient_match;
mod patients;
mod peer_failure;
mod personal_data;
mod pixels;
mod places;
mod predictions;
mod problem;
mod pulls;
mod recently_used;
mod routing;
mod rows;
mod scans;
mod server;
mod site;
mod studies;
mod study_in_hand;
mod turns;
mod uploads;
mod whose;
mod wildcard;
mod workitems;

pub use administration::keys::schema::{Key, KeyInput, NewKey};
pub use administration::users::schema::{SignInKind, SignInLink, User, UserInput, UserUpdate};
pub use analyses::many::{AnalyzeMany, AnalyzedMany, AnalyzedOne};
pub use analysis_document::schema::{Analysis, AnalysisLinks, RequestedAnalysis, StageProgress, StageState};
pub use audit::schema::{AuditActorDocument, AuditItem};
pub use bundle::ModelSource;
pub use bundle::schema::{
    BundleDescription, Estimate, LabelDescription, ModelDescription, OperatingPointDescription,
    ScannerThresholdDescription,
};
pub use certificate::{client_certificate, server_certificate};
pub use conformance::{AfterStatus, dicomweb_requests};
pub use connections::{Connections, Echo, OwnNode, Peer, PeerService, PeerWay};
pub use deliveries::schema::{Delivery, DeliveryState};
pub use display::display_values;
pub use events::schema::AnalysisEvent;
pub use feedback::schema::{Feedback, FeedbackInput, FeedbackUser};
pub use health::schema::{DependencyHealth, Health, Readiness};
pub use http::file_name::safe_file_name;
pub use http::paging::{DEFAULT_LIMIT, MAX_LIMIT, Page};
pub use identity::passkeys::schema::{
    AddedPasskey, NewPasskey, Passkey, PasskeyAnswer, PasskeyChallenge, PasskeySignIn, PasskeyVerification,
    Passkeys,
};
pub use identity::schema::{
    AuthenticationState, EndedSessions, ListedSession, LoginOptions, OpenIdOption, PasswordChange,
    SessionBegan, SessionDocument, SessionSecondFactor, SessionUser, Sessions, SignIn, SignInToken,
    SignOutElsewhere, Verification,
};
pub use identity::second_factor::schema::{RecoveryCodes, SecondFactor, SecondFactorCode, SecondFactorStart};
pub use instance_counts::ExpectedRules;
pub use openapi::openapi;
pub use options::{GatewayOptions, RequestRate, StorageLimits, TlsFiles};
pub use patients::schema::{Patient, PatientChange, PatientInput, PatientMerge};
pub use personal_data::erasure::ErasureStatement;
pub use pixels::schema::{VolumeDescription, WindowPreset};
pub use pixels::{heatmap_png, slice_png};
pub use predictions::schema::{ListedPrediction, OnlyRow, PredictedStudy, Prediction};
pub use problem::{
    AccessProblem, ApiError, Problem, ProposalProblem, PullProblem, WorkitemProblem, WorkitemRefusal,
};
pub use pulls::schema::{ArchiveStudies, ArchiveStudy, Pull, PullState, PulledStudy, SourceQuery};
pub use pulls::{FoundStudies, Sources};
pub use routing::{Route, Rules, SeriesFacts, StudyFacts};
pub use rows::{rows_to_csv, rows_to_xlsx};
pub use scans::schema::{Scan, ScanChange, ScanUpload};
pub use server::{Application, BeyondLoopback, GatewayParts, listen_address, run};
pub use site::schema::{
    DecisionInput, DriftLook, MadeProposal, ProposalInput, ProposalState, ProposedThreshold,
    ThresholdProposal, ThresholdProposalDetails,
};
pub use studies::schema::{StudyPatient, StudyRow, TopFinding};
pub use uploads::limits::UploadLimits;
pub use uploads::reader::UploadReader;
pub use uploads::receive::{Upload, receive as receive_upload};
pub use whose::schema::{InspectedUpload, ScanPatient};
