//! HL7 v2.5.1 in ER7, for MLLP.

mod acknowledgement;
mod field;
mod oru;
mod segment;

pub use acknowledgement::{Acknowledgement, UnreadableAcknowledgement, read_acknowledgement};
pub use oru::{AccessionField, OruOptions, oru_r01};

/// Start and end of a message (MLLP release 1).
const START: u8 = 0x0B;
const END: [u8; 2] = [0x1C, b'\r'];

/// A message between its start and its end.
pub fn frame(message: &str) -> Vec<u8> {
    let mut framed = vec![START];
    framed.extend_from_slice(message.as_bytes());
    framed.extend(END);
    framed
}
