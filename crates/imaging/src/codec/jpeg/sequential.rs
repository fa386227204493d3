//! Sequential DCT with 12-bit samples (T.81 annexes A and F, process 4), in one component.

use super::entropy::{BitReader, split_at_restarts};
use super::huffman::{HuffmanTable, extend};
use super::segments::Image;
use crate::codec::frame::undecodable;
use crate::error::ImagingError;

/// Row by row, where the coefficients of the zigzag order stand (T.81 figure A.6).
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Decodes the scan to samples of the frame's precision.
pub(super) fn decode(image: &Image<'_>) -> Result<Vec<u16>, ImagingError> {
    let damaged = undecodable("the 12-bit JPEG is damaged");
    let cut_short = undecodable("the 12-bit JPEG is cut short");
    let (Some(dc), Some(ac), Some(quantisation)) = (&image.first_table, &image.ac_table, &image.quantisation)
    else {
        return Err(damaged());
    };
    let frame = &image.frame;
    let (rows, columns) = (frame.rows, frame.columns);
    let (blocks_down, blocks_across) = (rows.div_ceil(8), columns.div_ceil(8));
    let blocks = blocks_down * blocks_across;
    let per_interval = if image.restart_interval == 0 {
        blocks
    } else {
        image.restart_interval
    };
    let intervals = split_at_restarts(image.scan);
    if intervals.len() < blocks.div_ceil(per_interval) {
        return Err(cut_short());
    }
    let basis = dct_basis();
    let level = 1i32 << (frame.precision - 1);
    let top = (1i32 << frame.precision) - 1;
    let mut samples = vec![0u16; rows * columns];
    for (number, interval) in intervals.iter().enumerate().take(blocks.div_ceil(per_interval)) {
        let mut reader = BitReader::new(interval);
        let mut previous_dc = 0i32;
        for block in number * per_interval..((number + 1) * per_interval).min(blocks) {
            let coefficients =
                decode_block(&mut reader, dc, ac, quantisation, &mut previous_dc).ok_or_else(&damaged)?;
            let pixels = inverse_dct(&coefficients, &basis);
            let (top_row, left) = (block / blocks_across * 8, block % blocks_across * 8);
            let width = (columns - left).min(8);
            for (row, line) in pixels.iter().enumerate().take((rows - top_row).min(8)) {
                let start = (top_row + row) * columns + left;
                for (sample, value) in samples[start..start + width].iter_mut().zip(line) {
                    *sample = (value.round() as i32 + level).clamp(0, top) as u16;
                }
            }
        }
        if reader.is_overrun() {
            return Err(cut_short());
        }
    }
    Ok(samples)
}

/// Dequantised coefficients of the next block, row by row (T.81 F.2.2).
fn decode_block(
    reader: &mut BitReader<'_>,
    dc: &HuffmanTable,
    ac: &HuffmanTable,
    quantisation: &[u16; 64],
    previous_dc: &mut i32,
) -> Option<[f32; 64]> {
    let mut coefficients = [0f32; 64];
    reader.refill();
    let (length, category) = dc.find(reader.peek(16))?;
    reader.skip(length);
    if category > 15 {
        return None;
    }
    let category = u32::from(category);
    *previous_dc = previous_dc.wrapping_add(extend(reader.take(category), category));
    coefficients[0] = *previous_dc as f32 * f32::from(quantisation[0]);
    let mut index = 1;
    while index < 64 {
        reader.refill();
        let (length, symbol) = ac.find(reader.peek(16))?;
        reader.skip(length);
        let (run, category) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if category == 0 {
            if run != 15 {
                break; // end of block
            }
            index += 16;
            continue;
        }
        index += run;
        let place = *ZIGZAG.get(index)?;
        let value = extend(reader.take(category), category);
        coefficients[usize::from(place)] = value as f32 * f32::from(quantisation[index]);
        index += 1;
    }
    Some(coefficients)
}

/// `basis[x][u]` = C(u)/2 · cos((2x+1)uπ/16) (T.81 A.3.3).
fn dct_basis() -> [[f32; 8]; 8] {
    std::array::from_fn(|x| {
        std::array::from_fn(|u| {
            let scale = if u == 0 { 0.5f64.sqrt() } else { 1.0 };
            let angle = (2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0;
            (0.5 * scale * angle.cos()) as f32
        })
    })
}

fn inverse_dct(coefficients: &[f32; 64], basis: &[[f32; 8]; 8]) -> [[f32; 8]; 8] {
    let mut rows = [[0f32; 8]; 8];
    for (row, line) in rows.iter_mut().zip(coefficients.chunks_exact(8)) {
        for (value, weights) in row.iter_mut().zip(basis) {
            *value = line
                .iter()
                .zip(weights)
                .map(|(coefficient, weight)| coefficient * weight)
                .sum();
        }
    }
    std::array::from_fn(|y| std::array::from_fn(|x| (0..8).map(|v| rows[v][x] * basis[y][v]).sum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_block_comes_from_its_dc() {
        let mut coefficients = [0f32; 64];
        coefficients[0] = 8.0 * 100.0;
        for value in inverse_dct(&coefficients, &dct_basis()).iter().flatten() {
            assert!((value - 100.0).abs() < 1e-3);
        }
    }

    #[test]
    fn one_horizontal_wave() {
        let mut coefficients = [0f32; 64];
        coefficients[1] = 100.0;
        let pixels = inverse_dct(&coefficients, &dct_basis());
        for line in &pixels {
            for (x, value) in line.iter().enumerate() {
                let angle = (2 * x + 1) as f32 * std::f32::consts::PI / 16.0;
                let expected = 100.0 / 4.0 * 0.5f32.sqrt() * angle.cos();
                assert!((value - expected).abs() < 1e-3, "{value} {expected}");
            }
        }
    }

    #[test]
    fn the_zigzag_visits_every_place_once() {
        let mut places = ZIGZAG;
        places.sort_unstable();
        assert!(
            places
                .iter()
                .enumerate()
                .all(|(index, place)| index == usize::from(*place))
        );
    }
}
