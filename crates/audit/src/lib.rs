#![doc = include_str!("../README.md")]

mod codes;
mod heads;
mod message;
mod syslog;
mod tls;
mod xml;

pub use codes::Code;
pub use heads::{HeadFault, HeadKey, HeadPublicKey, HeadWriter, SignedHeads};
pub use message::{
    ActiveParticipant, AuditMessage, AuditSource, EventIdentification, ObjectDetail, ParticipantObject,
    audit_message,
};
pub use syslog::{SyslogTarget, run_syslog_export, syslog_frame};
pub use xml::to_xml;
