//! Where a message starts and ends on its way (MLLP release 1).

const START: u8 = 0x0B;
const END: u8 = 0x1C;

/// A message between its start and its end.
pub fn frame(message: &str) -> Vec<u8> {
    let mut framed = vec![START];
    framed.extend_from_slice(message.as_bytes());
    framed.extend([END, b'\r']);
    framed
}

/// Whether the end of a message has come.
pub fn has_end(received: &[u8]) -> bool {
    received.contains(&END)
}

/// What was received, without its start and its end.
pub fn unframe(mut received: Vec<u8>) -> Vec<u8> {
    received.retain(|byte| ![START, END].contains(byte));
    received
}
