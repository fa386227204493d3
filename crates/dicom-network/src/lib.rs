#![doc = include_str!("../README.md")]

mod abort;
mod ae_title;
mod association;
mod command;
mod commitment;
mod connection;
mod data_set;
mod error;
mod find;
mod implementation;
mod incoming;
mod negotiation;
mod part10;
mod pdu_stream;
mod performed_step;
mod query;
mod receiving;
mod request_items;
mod retrieve;
mod scp;
mod scu;
mod sink;
mod status;
mod study_keys;
mod tls;

pub use norma_tls::Authorities;

pub use ae_title::{AeTitle, InvalidAeTitle};
pub use commitment::{
    CommitmentFailure, CommitmentOutcome, CommitmentReport, CommitmentRequest, STORAGE_COMMITMENT,
    SopReference,
};
pub use connection::{Connection, connect};
pub use error::NetworkError;
pub use find::{FindLimits, Found, find_series, find_studies};
pub use implementation::{IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME};
pub use negotiation::{CT_STORAGE_CLASSES, StorageClasses, StorageSupport};
pub use part10::{InvalidFile, OutgoingInstance};
pub use performed_step::{PERFORMED_PROCEDURE_STEP, PerformedSeries, PerformedStep, StepFailure, StepState};
pub use query::{FoundSeries, FoundStudy, QUERY_RETRIEVE_CLASSES, StudyToRetrieve};
pub use retrieve::{Keeping, Retrieval, RetrievalEnd, RetrieveLimits, SubOperations, get_study, move_study};
pub use scp::{
    AllowedPeer, CommitmentProvider, HeldReport, InvalidPeer, MAX_PDU_LENGTH, OutcomeListener, Scp,
    ScpLimits, ScpOptions, ScpTimeouts, StepListener,
};
pub use scu::{Scu, ScuOptions};
pub use sink::{AssociationId, InstanceSink, ReceivedInstance, StoreFailure};
pub use status::Status;
pub use study_keys::{InvalidKeys, StudyKeys};
pub use tls::{ClientTls, Fingerprint, InvalidFingerprint, ServerTls, TlsError};
