//! The last bytes of a stream that is read once.

use std::io::{self, Write};

/// Keeps the last bytes that are written to it.
#[derive(Debug)]
pub(crate) struct LastBytes {
    kept: usize,
    bytes: Vec<u8>,
}

impl LastBytes {
    pub(crate) fn of(kept: usize) -> Self {
        Self {
            kept,
            bytes: Vec::new(),
        }
    }

    /// How many are kept.
    pub(crate) fn kept(&self) -> usize {
        self.kept
    }

    /// At most as many as were asked for, in their order.
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[self.bytes.len().saturating_sub(self.kept)..]
    }
}

impl Write for LastBytes {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(buffer);
        // Moved seldom: twice as many are held at most, and what came at once.
        if self.bytes.len() > self.kept.saturating_mul(2) {
            let surplus = self.bytes.len() - self.kept;
            self.bytes.drain(..surplus);
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_stay_however_they_come() {
        let all: Vec<u8> = (0..=255).collect();
        for chunk in [1, 7, 64, 256] {
            let mut last = LastBytes::of(10);
            for part in all.chunks(chunk) {
                last.write_all(part).unwrap();
            }
            assert_eq!(last.as_slice(), &all[246..], "{chunk}");
        }
        let mut few = LastBytes::of(10);
        few.write_all(&all[..4]).unwrap();
        assert_eq!(few.as_slice(), &all[..4]);
    }
}
