//! The DICOM node: what a PACS sends lies in a spool until its study is complete, and then becomes a scan as an upload does.

mod arrivals;
mod commitment_peer;
mod commitment_reporter;
mod commitments;
mod completeness;
mod contents;
mod hand_over;
mod incoming_study;
mod noted_arrivals;
mod options;
mod receiver;
mod routed;
mod sink;
mod stored;
mod traffic;

pub(crate) use options::PacsOptions;
pub(crate) use receiver::Receiver;
