//! Lossless JPEG (T.81 annex H): each sample is a prediction from its neighbours and a difference.

use super::entropy::{BitReader, split_at_restarts};
use super::huffman::{HuffmanTable, extend};
use super::segments::Image;
use crate::codec::frame::undecodable;
use crate::error::ImagingError;

/// A code and its extra bits are found at once where they are no longer than this; in CT nearly all are.
const LOOKUP_BITS: u32 = 13;

/// A difference with the number of bits it takes, 0 where they are more than [`LOOKUP_BITS`].
#[derive(Clone, Copy, Default)]
struct Entry {
    difference: u16,
    bits: u16,
}

struct Differences {
    table: HuffmanTable,
    lookup: Vec<Entry>,
}

impl Differences {
    fn new(table: HuffmanTable) -> Self {
        let lookup = (0..1u32 << LOOKUP_BITS)
            .map(|bits| {
                let next = bits << (32 - LOOKUP_BITS);
                let Some((length, category)) = table.find(next >> 16) else {
                    return Entry::default();
                };
                let category = u32::from(category);
                if category > 15 || length + category > LOOKUP_BITS {
                    return Entry::default();
                }
                let extra = if category == 0 {
                    0
                } else {
                    next << length >> (32 - category)
                };
                Entry {
                    difference: extend(extra, category) as u16,
                    bits: (length + category) as u16,
                }
            })
            .collect();
        Self { table, lookup }
    }

    /// The next difference, modulo 2¹⁶.
    #[inline(always)]
    fn next(&self, reader: &mut BitReader<'_>) -> Option<u16> {
        reader.refill();
        let entry = self.lookup[reader.peek(LOOKUP_BITS) as usize];
        if entry.bits != 0 {
            reader.skip(u32::from(entry.bits));
            return Some(entry.difference);
        }
        self.next_long(reader)
    }

    #[cold]
    fn next_long(&self, reader: &mut BitReader<'_>) -> Option<u16> {
        let (length, category) = self.table.find(reader.peek(16))?;
        reader.skip(length);
        match category {
            0..=15 => {
                let category = u32::from(category);
                Some(extend(reader.take(category), category) as u16)
            }
            // No extra bits follow (T.81 H.1.2.2).
            16 => Some(32_768),
            _ => None,
        }
    }
}

/// Decodes the scan to samples of the frame's precision.
pub(super) fn decode(image: &Image<'_>) -> Result<Vec<u16>, ImagingError> {
    let damaged = undecodable("the lossless JPEG is damaged");
    let cut_short = undecodable("the lossless JPEG is cut short");
    let frame = &image.frame;
    if !(2..=16).contains(&frame.precision) || image.point_transform >= frame.precision {
        return Err(damaged());
    }
    if !(1..=7).contains(&image.selection) {
        return Err(undecodable("the predictor of the lossless JPEG is unknown")());
    }
    let differences = Differences::new(image.first_table.clone().ok_or_else(&damaged)?);
    let (rows, columns) = (frame.rows, frame.columns);
    if !image.restart_interval.is_multiple_of(columns) {
        return Err(damaged());
    }
    let rows_per_interval = match image.restart_interval / columns {
        0 => rows,
        count => count,
    };
    let start = 1u16 << (frame.precision - image.point_transform - 1);
    let mut samples = vec![0u16; rows * columns];
    let intervals = split_at_restarts(image.scan);
    if intervals.len() < rows.div_ceil(rows_per_interval) {
        return Err(cut_short());
    }
    for (lines, interval) in samples.chunks_mut(rows_per_interval * columns).zip(&intervals) {
        let mut reader = BitReader::new(interval);
        decode_lines(lines, columns, start, image.selection, &differences, &mut reader)
            .ok_or_else(&damaged)?;
        if reader.is_overrun() {
            return Err(cut_short());
        }
    }
    if image.point_transform > 0 {
        for sample in &mut samples {
            *sample <<= image.point_transform;
        }
    }
    Ok(samples)
}

/// The first line is predicted from the left, the first sample of another one from above (T.81 H.1.2.1).
fn decode_lines(
    lines: &mut [u16],
    columns: usize,
    start: u16,
    selection: u8,
    differences: &Differences,
    reader: &mut BitReader<'_>,
) -> Option<()> {
    let (first, others) = lines.split_at_mut(columns);
    decode_from_left(first, start, differences, reader)?;
    let mut above: &[u16] = first;
    for line in others.chunks_exact_mut(columns) {
        let first_sample = above[0];
        if selection == 1 {
            decode_from_left(line, first_sample, differences, reader)?;
        } else {
            let mut left = first_sample.wrapping_add(differences.next(reader)?);
            line[0] = left;
            for (column, sample) in line.iter_mut().enumerate().skip(1) {
                let (up, corner) = (above[column], above[column - 1]);
                left = predict(selection, left, up, corner).wrapping_add(differences.next(reader)?);
                *sample = left;
            }
        }
        above = line;
    }
    Some(())
}

fn decode_from_left(
    line: &mut [u16],
    mut left: u16,
    differences: &Differences,
    reader: &mut BitReader<'_>,
) -> Option<()> {
    for sample in line {
        left = left.wrapping_add(differences.next(reader)?);
        *sample = left;
    }
    Some(())
}

/// Table H.1.
fn predict(selection: u8, left: u16, up: u16, corner: u16) -> u16 {
    let (a, b, c) = (i32::from(left), i32::from(up), i32::from(corner));
    let prediction = match selection {
        2 => b,
        3 => c,
        4 => a + b - c,
        5 => a + ((b - c) >> 1),
        6 => b + ((a - c) >> 1),
        7 => (a + b) >> 1,
        _ => a,
    };
    prediction as u16
}
