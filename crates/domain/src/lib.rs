#![doc = include_str!("../README.md")]

mod analysis;
mod bundle;
mod geometry;
mod ids;
mod instance_count;
mod measure;
mod name_letters;
mod named_person;
mod nodule;
mod operating_point;
mod patient_match;
mod person_name;
mod place;
mod priority;
mod probability;
mod quality;
mod reason;
mod report;
mod role;
mod row;
mod scanner_profile;
mod segmentation;
mod stage;
mod study;
mod study_identity;
mod threshold_verification;
mod uid;
mod verdict;
mod voxel_mask;
mod window;

pub use analysis::{AnalysisStatus, UnknownStatus};
pub use bundle::BundleReference;
pub use geometry::{InvalidSpacing, SpacingMm, VolumeGeometry, VoxelBox};
pub use ids::{
    AnalysisId, DeliveryId, KeyId, PasskeyId, PatientId, PullId, ScanId, ThresholdProposalId, UserId,
};
pub use instance_count::{CountedBy, InstanceCount, UnknownCounter};
pub use measure::{
    Ground, LookedFor, Measure, MeasureCode, MeasureState, MeasuredFinding, NotMeasurable, PathologyType,
    Quantification, ReferenceRange, TypeCoverage,
};
pub use name_letters::{NameScript, plain_letters};
pub use named_person::NamedPerson;
pub use nodule::{NoduleDensity, NoduleDetail};
pub use operating_point::{OperatingPoint, OperatingPointName};
pub use patient_match::{IdentityAttribute, KnownPatient, PatientIdentifier, contradictions_among_files};
pub use person_name::names_agree;
pub use place::{LungSide, LungThird};
pub use priority::{Priority, UnknownPriority};
pub use probability::{InvalidProbability, Probability};
pub use quality::{QualityCheck, QualityConsequence};
pub use reason::{Reason, ReasonCode, UnknownReasonCode};
pub use report::{Decision, KeySlice, MapLink, REPORT_SCHEMA, Report, StageReport, Summary, Timings};
pub use role::{Role, Roles, UnknownRole};
pub use row::{MASS_RUN_COLUMNS, MassRunRow, ProcessingStatus};
pub use scanner_profile::{ScannerProfile, SliceThicknessClass};
pub use segmentation::{Segment, SegmentOf, Segmentation};
pub use stage::{
    Finding, ModelReference, ScoreComponent, SliceScore, Stage, StageFailure, StageOutcome, StageResult,
    UnknownStage,
};
pub use study::{PreparedSummary, SeriesChoice, SliceReference, StudySummary};
pub use study_identity::StudyIdentity;
pub use threshold_verification::{ThresholdVerification, UnverifiedThreshold};
pub use uid::{InvalidUid, SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};
pub use verdict::Verdict;
pub use voxel_mask::{InvalidMask, VoxelMask, VoxelRun};
pub use window::{InvalidWindow, WindowLevel};
