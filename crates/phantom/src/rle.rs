//! RLE Lossless, DICOM PS3.5 annex G.

/// One frame of 16-bit pixels: two segments, the high bytes before the low ones.
pub(crate) fn encode_frame(pixels: &[u16], columns: usize) -> Vec<u8> {
    let segments = [8, 0].map(|shift| {
        let bytes: Vec<u8> = pixels.iter().map(|pixel| (pixel >> shift) as u8).collect();
        let mut segment: Vec<u8> = bytes.chunks(columns).flat_map(pack_bits).collect();
        if segment.len() % 2 == 1 {
            segment.push(0);
        }
        segment
    });
    let mut header = [0u32; 16];
    header[0] = 2;
    header[1] = 64;
    header[2] = 64 + segments[0].len() as u32;
    let mut frame: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
    frame.extend(segments.iter().flatten());
    frame
}

/// The PackBits scheme; every row is packed on its own (G.3.1).
fn pack_bits(row: &[u8]) -> Vec<u8> {
    let run_at = |start: usize| {
        row[start..]
            .iter()
            .take(128)
            .take_while(|&&byte| byte == row[start])
            .count()
    };
    let mut packed = Vec::with_capacity(row.len());
    let mut at = 0;
    while at < row.len() {
        let run = run_at(at);
        if run >= 3 {
            packed.push((257 - run) as u8);
            packed.push(row[at]);
            at += run;
            continue;
        }
        let start = at;
        while at < row.len() && at - start < 128 && run_at(at) < 3 {
            at += 1;
        }
        packed.push((at - start - 1) as u8);
        packed.extend_from_slice(&row[start..at]);
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack(packed: &[u8], length: usize) -> Vec<u8> {
        let (mut bytes, mut at) = (Vec::new(), 0);
        while bytes.len() < length {
            let count = packed[at];
            at += 1;
            if count < 128 {
                bytes.extend_from_slice(&packed[at..=at + count as usize]);
                at += count as usize + 1;
            } else if count > 128 {
                bytes.extend(std::iter::repeat_n(packed[at], 257 - count as usize));
                at += 1;
            }
        }
        bytes
    }

    #[test]
    fn what_is_packed_comes_back() {
        let rows: [Vec<u8>; 4] = [
            vec![7; 512],
            (0..512).map(|x| (x * x % 251) as u8).collect(),
            (0..512).map(|x| (x / 3) as u8).collect(),
            (0..512).map(|x| if x % 5 < 2 { 1 } else { x as u8 }).collect(),
        ];
        for row in rows {
            assert_eq!(unpack(&pack_bits(&row), row.len()), row);
        }
    }
}
