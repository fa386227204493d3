#![doc = include_str!("../README.md")]

mod fhir;
mod findings;
mod hl7;
mod told;
mod triage;
mod webhook;

pub use fhir::transaction;
pub use hl7::{
    AccessionField, Acknowledgement, OruOptions, UnreadableAcknowledgement, frame, has_end, oru_r01,
    read_acknowledgement, unframe,
};
pub use told::Told;
pub use webhook::{WebhookRequest, webhook};
