//! Contrast-limited adaptive histogram equalisation (Zuiderveld 1994), pixel for pixel as OpenCV computes it.

use ndarray::{Array2, Array3, ArrayRef2};

const LEVELS: usize = 256;

/// Equalises a slice in `tiles` × `tiles` tiles, no grey level of a tile counting more than `clip_limit`
/// times the even share.
pub(crate) fn equalise(slice: &ArrayRef2<u8>, clip_limit: f64, tiles: usize) -> Array2<u8> {
    let (rows, columns) = slice.dim();
    if rows == 0 || columns == 0 {
        return slice.to_owned();
    }
    let (tile_rows, tile_columns) = (rows.div_ceil(tiles), columns.div_ceil(tiles));
    let tables = lookup_tables(slice, clip_limit, tiles, tile_rows, tile_columns);

    // The two tiles whose centres enclose a pixel, and how far it is from the first.
    let between = |index: usize, tile: usize| {
        let at = index as f32 * (1.0 / tile as f32) - 0.5;
        let first = at.floor();
        let low = first.max(0.0) as usize;
        let high = ((first + 1.0).max(0.0) as usize).min(tiles - 1);
        (low.min(tiles - 1), high, at - first)
    };
    let horizontal: Vec<_> = (0..columns).map(|column| between(column, tile_columns)).collect();
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        let value = usize::from(slice[[row, column]]);
        let (top, bottom, down) = between(row, tile_rows);
        let (left, right, across) = horizontal[column];
        let table = |y: usize, x: usize| f32::from(tables[[y, x, value]]);
        let upper = table(top, left) * (1.0 - across) + table(top, right) * across;
        let lower = table(bottom, left) * (1.0 - across) + table(bottom, right) * across;
        round_to_grey(upper * (1.0 - down) + lower * down)
    })
}

/// The equalising table of every tile, `(tiles, tiles, 256)`. Tiles past the border read the slice mirrored.
fn lookup_tables(
    slice: &ArrayRef2<u8>,
    clip_limit: f64,
    tiles: usize,
    tile_rows: usize,
    tile_columns: usize,
) -> Array3<u8> {
    let (rows, columns) = slice.dim();
    let area = tile_rows * tile_columns;
    let limit = ((clip_limit * area as f64 / LEVELS as f64) as u32).max(1);
    let scale = (LEVELS - 1) as f32 / area as f32;
    let mut tables = Array3::zeros((tiles, tiles, LEVELS));
    for tile_row in 0..tiles {
        for tile_column in 0..tiles {
            let mut histogram = [0_u32; LEVELS];
            for row in tile_row * tile_rows..(tile_row + 1) * tile_rows {
                for column in tile_column * tile_columns..(tile_column + 1) * tile_columns {
                    let value = slice[[mirrored(row, rows), mirrored(column, columns)]];
                    histogram[usize::from(value)] += 1;
                }
            }
            clip(&mut histogram, limit);
            let mut sum = 0_u32;
            for (level, count) in histogram.iter().enumerate() {
                sum += count;
                tables[[tile_row, tile_column, level]] = round_to_grey(sum as f32 * scale);
            }
        }
    }
    tables
}

/// Cuts the histogram at `limit` and spreads what was cut evenly, the rest at even steps.
fn clip(histogram: &mut [u32; LEVELS], limit: u32) {
    let mut clipped = 0;
    for count in histogram.iter_mut() {
        clipped += count.saturating_sub(limit);
        *count = (*count).min(limit);
    }
    let (share, rest) = (clipped / LEVELS as u32, clipped % LEVELS as u32);
    for count in histogram.iter_mut() {
        *count += share;
    }
    if rest > 0 {
        let step = (LEVELS / rest as usize).max(1);
        for count in histogram.iter_mut().step_by(step).take(rest as usize) {
            *count += 1;
        }
    }
}

/// The index mirrored at the last element without repeating it.
fn mirrored(index: usize, length: usize) -> usize {
    if index < length {
        index
    } else {
        (2 * (length - 1)).saturating_sub(index)
    }
}

fn round_to_grey(value: f32) -> u8 {
    value.round_ties_even().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_slice_stays_even_and_low_contrast_is_stretched() {
        let even = Array2::from_elem((64, 64), 90_u8);
        let equalised = equalise(&even, 2.0, 8);
        assert!(equalised.iter().all(|value| *value == equalised[[0, 0]]));
        let faint = Array2::from_shape_fn((64, 64), |(y, x)| 100 + ((x + y) % 8) as u8);
        let stretched = equalise(&faint, 40.0, 8);
        let span = |image: &Array2<u8>| image.iter().max().unwrap() - image.iter().min().unwrap();
        assert!(span(&stretched) > 3 * span(&faint), "{}", span(&stretched));
    }
}
