#![doc = include_str!("../README.md")]

mod archive;
mod codes;
mod heads;
mod message;
mod segment;
mod syslog;
mod tls;
mod xml;

pub use archive::AuditArchive;
pub use codes::Code;
pub use heads::{HeadFault, HeadKey, HeadPublicKey, HeadWriter, SignedHeads};
pub use message::{
    ActiveParticipant, AuditMessage, AuditSource, EventIdentification, ObjectDetail, ParticipantObject,
    audit_message,
};
pub use segment::{SegmentFile, read_segment, segments_of};
pub use syslog::{SyslogTarget, run_syslog_export, syslog_frame};
pub use tls::ShownCertificate;
pub use xml::to_xml;
