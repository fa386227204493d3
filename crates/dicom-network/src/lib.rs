#![doc = include_str!("../README.md")]

mod abort;
mod ae_title;
mod association;
mod command;
mod commitment;
mod connection;
mod data_set;
mod error;
mod implementation;
mod negotiation;
mod part10;
mod pdu_stream;
mod request_items;
mod scp;
mod scu;
mod status;
mod tls;

pub use ae_title::{AeTitle, InvalidAeTitle};
pub use commitment::{
    CommitmentFailure, CommitmentOutcome, CommitmentReport, CommitmentRequest, STORAGE_COMMITMENT,
    SopReference,
};
pub use connection::{Connection, connect};
pub use error::NetworkError;
pub use implementation::{IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME};
pub use negotiation::{CT_STORAGE_CLASSES, StorageClasses, StorageSupport};
pub use part10::{InvalidFile, OutgoingInstance};
pub use scp::{
    AllowedPeer, AssociationId, CommitmentProvider, HeldReport, InstanceSink, InvalidPeer, MAX_PDU_LENGTH,
    OutcomeListener, ReceivedInstance, Scp, ScpLimits, ScpOptions, ScpTimeouts, StoreFailure,
};
pub use scu::{Scu, ScuOptions};
pub use status::Status;
pub use tls::{Authorities, ClientTls, Fingerprint, InvalidFingerprint, ServerTls, TlsError};
