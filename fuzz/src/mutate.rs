//! Mutations for the bounded run; the long one has libFuzzer's.

use rand::rngs::StdRng;
use rand::{Rng, RngCore};

/// Values that lengths and counts are wrong by.
const INTERESTING: [u32; 10] = [
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x7FFF_FFFF,
    0xFFFF_FFFE,
    0xFFFF_FFFF,
];

/// Changes `bytes` in one to six places; `other` lends a piece now and then.
pub fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut StdRng) {
    for _ in 0..random.random_range(1..=6) {
        if bytes.is_empty() {
            bytes.push(random.random());
        }
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..8) {
            0 => bytes[at] = random.random(),
            1 => bytes[at] ^= 1 << random.random_range(0..8),
            2 => bytes.truncate(at),
            3 => {
                let value = INTERESTING[random.random_range(0..INTERESTING.len())];
                let value = if random.random() {
                    value.to_le_bytes()
                } else {
                    value.to_be_bytes()
                };
                let width = [1, 2, 4][random.random_range(0..3)].min(bytes.len() - at);
                bytes[at..at + width].copy_from_slice(&value[..width]);
            }
            4 => {
                let end = (at + random.random_range(1..32)).min(bytes.len());
                bytes.drain(at..end);
            }
            5 => {
                let end = (at + random.random_range(1..32)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            6 if !other.is_empty() => {
                let from = random.random_range(0..other.len());
                let end = (from + random.random_range(1..64)).min(other.len());
                bytes.splice(at..at, other[from..end].iter().copied());
            }
            _ => {
                let mut noise = [0; 8];
                random.fill_bytes(&mut noise);
                let end = (at + noise.len()).min(bytes.len());
                bytes[at..end].copy_from_slice(&noise[..end - at]);
            }
        }
    }
}
