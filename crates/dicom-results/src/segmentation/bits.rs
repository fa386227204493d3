//! Pixels of one bit (PS3.5 8.1.1): the first pixel is the lowest bit of the first byte, frames follow one another without gaps.

/// Frames of one bit a pixel.
#[derive(Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    length: usize,
}

impl Bits {
    /// Adds a frame.
    pub(super) fn push(&mut self, frame: &[bool]) {
        let end = self.length + frame.len();
        self.bytes.resize(end.div_ceil(8), 0);
        for (at, is_set) in (self.length..).zip(frame) {
            self.bytes[at / 8] |= u8::from(*is_set) << (at % 8);
        }
        self.length = end;
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_follow_one_another_within_a_byte() {
        let mut bits = Bits::default();
        bits.push(&[true, false, true]);
        bits.push(&[true, true, false]);
        bits.push(&[false, false, false, true]);
        assert_eq!(bits.into_bytes(), [0b0001_1101, 0b0000_0010]);
    }
}
