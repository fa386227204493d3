//! Huffman codes (T.81 annexes C and F.2.2.3).

/// Codes up to this length are found at once.
const LOOKUP_BITS: u32 = 9;

/// The codes of one table.
#[derive(Debug, Clone)]
pub(super) struct HuffmanTable {
    symbols: Vec<u8>,
    /// For each length: the first code that is longer than this length allows, aligned to 16 bits.
    limits: [u32; 18],
    /// For each length: index of its first symbol minus its first code.
    offsets: [i32; 17],
    /// Length and symbol by the next bits; length 0 where the code is longer.
    lookup: Vec<(u8, u8)>,
}

impl HuffmanTable {
    /// From the number of codes of each length and their symbols; None where they are no prefix code.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut limits = [0u32; 18];
        let mut offsets = [0i32; 17];
        let mut lookup = vec![(0u8, 0u8); 1 << LOOKUP_BITS];
        let mut code = 0u32;
        let mut index = 0usize;
        for length in 1..=16u32 {
            let count = u32::from(counts[length as usize - 1]);
            if code + count > 1 << length {
                return None;
            }
            offsets[length as usize] = index as i32 - code as i32;
            for _ in 0..count {
                if length <= LOOKUP_BITS {
                    let shift = LOOKUP_BITS - length;
                    let first = (code << shift) as usize;
                    lookup[first..first + (1 << shift)].fill((length as u8, *symbols.get(index)?));
                }
                code += 1;
                index += 1;
            }
            limits[length as usize] = code << (16 - length);
            code <<= 1;
        }
        limits[17] = u32::MAX;
        Some(Self {
            symbols: symbols.to_vec(),
            limits,
            offsets,
            lookup,
        })
    }

    /// The length and symbol of the code that the next 16 bits start with; None where there is none.
    pub(super) fn find(&self, next_bits: u32) -> Option<(u32, u8)> {
        let (length, symbol) = self.lookup[(next_bits >> (16 - LOOKUP_BITS)) as usize];
        if length > 0 {
            return Some((u32::from(length), symbol));
        }
        let mut length = LOOKUP_BITS + 1;
        while next_bits >= self.limits[length as usize] {
            length += 1;
        }
        if length > 16 {
            return None;
        }
        let index = (next_bits >> (16 - length)) as i32 + self.offsets[length as usize];
        let symbol = self.symbols.get(usize::try_from(index).ok()?)?;
        Some((length, *symbol))
    }
}

/// The value of `category` extra bits (T.81 table F.1, EXTEND).
pub(super) fn extend(bits: u32, category: u32) -> i32 {
    if category == 0 {
        return 0;
    }
    let value = bits as i32;
    if value < 1 << (category - 1) {
        value - (1 << category) + 1
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_all_lengths_are_found() {
        // One code each of 1, 2, … 16 bits: 0, 10, 110, …
        let symbols: Vec<u8> = (0..16).collect();
        let table = HuffmanTable::new(&[1; 16], &symbols).unwrap();
        for length in 1..=16u32 {
            let code = ((1u32 << length) - 2) << (16 - length);
            assert_eq!(table.find(code), Some((length, length as u8 - 1)));
        }
        assert_eq!(table.find(0xFFFF), None);
    }

    #[test]
    fn more_codes_than_fit_are_refused() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(HuffmanTable::new(&counts, &[0, 1, 2]).is_none());
        counts[0] = 2;
        assert!(HuffmanTable::new(&counts, &[0]).is_none());
    }

    #[test]
    fn extra_bits_extend_to_both_signs() {
        assert_eq!(extend(0, 0), 0);
        assert_eq!((extend(0, 1), extend(1, 1)), (-1, 1));
        assert_eq!(
            (extend(0, 3), extend(3, 3), extend(4, 3), extend(7, 3)),
            (-7, -4, 4, 7)
        );
    }
}
