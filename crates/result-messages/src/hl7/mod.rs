//! HL7 v2.5.1 in ER7, for MLLP.

mod acknowledgement;
mod field;
mod mllp;
mod oru;
mod segment;

pub use acknowledgement::{Acknowledgement, UnreadableAcknowledgement, read_acknowledgement};
pub use mllp::{frame, has_end, unframe};
pub use oru::{AccessionField, OruOptions, oru_r01};
