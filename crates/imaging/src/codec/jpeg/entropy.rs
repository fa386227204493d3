//! Entropy-coded bytes without their stuffing, and the bits in them (T.81 B.1.1.5).

use memchr::memchr;

/// Zero bytes after the end, so that bits can be taken eight bytes at a time.
const SLACK: usize = 16;

/// The scan cut at its restart markers, stuffing removed.
pub(super) fn split_at_restarts(scan: &[u8]) -> Vec<Vec<u8>> {
    let mut intervals = Vec::new();
    let mut bytes = Vec::with_capacity(scan.len() + SLACK);
    let mut rest = scan;
    loop {
        let Some(at) = memchr(0xFF, rest) else {
            bytes.extend_from_slice(rest);
            break;
        };
        bytes.extend_from_slice(&rest[..at]);
        match rest.get(at + 1) {
            Some(0) => {
                bytes.push(0xFF);
                rest = &rest[at + 2..];
            }
            // Fill bytes before a marker.
            Some(0xFF) => rest = &rest[at + 1..],
            Some(0xD0..=0xD7) => {
                intervals.push(std::mem::take(&mut bytes));
                rest = &rest[at + 2..];
            }
            _ => break,
        }
    }
    intervals.push(bytes);
    for interval in &mut intervals {
        interval.resize(interval.len() + SLACK, 0);
    }
    intervals
}

/// Takes bits from the front of an interval.
pub(super) struct BitReader<'data> {
    bytes: &'data [u8],
    position: usize,
    /// The next bits, from the highest on.
    buffer: u64,
    available: u32,
    /// Bits that are really there.
    left: i64,
}

impl<'data> BitReader<'data> {
    /// `interval` as [`split_at_restarts`] gives it.
    pub(super) fn new(interval: &'data [u8]) -> Self {
        Self {
            bytes: interval,
            position: 0,
            buffer: 0,
            available: 0,
            left: interval.len().saturating_sub(SLACK) as i64 * 8,
        }
    }

    /// Makes at least 56 bits available; past the end they are zero.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if let Some(next) = self.bytes.get(self.position..self.position + 8) {
            let mut raw = [0u8; 8];
            raw.copy_from_slice(next);
            self.buffer |= u64::from_be_bytes(raw) >> self.available;
            self.position += ((63 - self.available) >> 3) as usize;
            self.available |= 56;
        } else {
            self.available = 63;
        }
    }

    /// The next `count` bits, 1 to 32, without taking them.
    #[inline(always)]
    pub(super) fn peek(&self, count: u32) -> u32 {
        (self.buffer >> (64 - count)) as u32
    }

    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        self.buffer <<= count;
        self.available -= count;
        self.left -= i64::from(count);
    }

    /// Takes `count` bits, up to 16.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        let bits = self.peek(count);
        self.skip(count);
        bits
    }

    /// Whether more bits were taken than there were: the scan is cut short.
    pub(super) fn is_overrun(&self) -> bool {
        self.left < 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffing_goes_and_restarts_split() {
        let parts = split_at_restarts(&[1, 0xFF, 0, 2, 0xFF, 0xD0, 3, 0xFF, 0xFF, 0xD1, 4, 0xFF, 0xD9, 5]);
        let unpadded: Vec<&[u8]> = parts.iter().map(|part| &part[..part.len() - SLACK]).collect();
        assert_eq!(unpadded, [&[1, 0xFF, 2][..], &[3], &[4]]);
    }

    #[test]
    fn bits_come_in_order_and_the_end_is_noticed() {
        let bytes: Vec<u8> = (0..40).collect();
        let parts = split_at_restarts(&bytes);
        let mut reader = BitReader::new(&parts[0]);
        for expected in 0..40u32 {
            reader.refill();
            assert_eq!(reader.take(3) << 5 | reader.take(5), expected);
        }
        assert!(!reader.is_overrun());
        reader.refill();
        assert_eq!(reader.take(1), 0);
        assert!(reader.is_overrun());
        for _ in 0..100 {
            reader.refill();
            assert_eq!(reader.take(16), 0);
        }
    }
}
