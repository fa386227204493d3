//! Masks of one bit a voxel: a dilation by a ball joins sixty-four voxels at once.

use ndarray::{Array3, Axis};
use rayon::prelude::*;

const BITS: usize = u64::BITS as usize;

/// A row of a ball: its slice and row from the centre, and the columns to either side.
pub(crate) struct BallRow {
    pub(crate) slice: isize,
    pub(crate) row: isize,
    pub(crate) half_width: usize,
}

pub(crate) fn rows_of_ball(radius: f32) -> Vec<BallRow> {
    let reach = radius as isize;
    let mut found = Vec::new();
    for slice in -reach..=reach {
        for row in -reach..=reach {
            let left = radius * radius - (slice * slice + row * row) as f32;
            if left >= 0.0 {
                let half_width = left.sqrt() as usize;
                found.push(BallRow {
                    slice,
                    row,
                    half_width,
                });
            }
        }
    }
    found
}

/// The voxels within `radius` voxels (Euclidean) of those that are `value` in the mask. Axes `(z, y, x)`.
pub(crate) fn near(mask: &Array3<bool>, value: bool, radius: f32) -> Array3<bool> {
    let (slices, rows, columns) = mask.dim();
    let words = columns.div_ceil(BITS).max(1);
    let ball = rows_of_ball(radius);
    // For each half width the mask widened so far to either side, rows of `words` words.
    let mut widened = vec![pack(mask, value, words)];
    let last_bits = u64::MAX >> (words * BITS - columns).min(BITS - 1);
    for half_width in 1..=radius as usize {
        let mut wider = widened[half_width - 1].clone();
        wider
            .par_chunks_mut(words)
            .zip(widened[0].par_chunks(words))
            .for_each(|(to, from)| {
                join_shifted(to, from, half_width);
                to[words - 1] &= last_bits;
            });
        widened.push(wider);
    }
    let mut found = Array3::from_elem(mask.dim(), false);
    found
        .axis_iter_mut(Axis(0))
        .collect::<Vec<_>>()
        .into_par_iter()
        .enumerate()
        .for_each(|(z, mut plane)| {
            let mut joined = vec![0u64; words];
            for (y, mut row) in plane.rows_mut().into_iter().enumerate() {
                joined.fill(0);
                for of_ball in &ball {
                    let place = z
                        .checked_add_signed(of_ball.slice)
                        .zip(y.checked_add_signed(of_ball.row))
                        .filter(|(z, y)| *z < slices && *y < rows);
                    if let Some((z, y)) = place {
                        let start = (z * rows + y) * words;
                        let from = &widened[of_ball.half_width][start..start + words];
                        joined.iter_mut().zip(from).for_each(|(to, from)| *to |= from);
                    }
                }
                for (x, to) in row.iter_mut().enumerate() {
                    *to = joined[x / BITS] >> (x % BITS) & 1 == 1;
                }
            }
        });
    found
}

fn pack(mask: &Array3<bool>, value: bool, words: usize) -> Vec<u64> {
    let (slices, rows, _) = mask.dim();
    let mut packed = vec![0u64; slices * rows * words];
    packed
        .par_chunks_mut(rows.max(1) * words)
        .zip(mask.axis_iter(Axis(0)).collect::<Vec<_>>())
        .for_each(|(plane, of_mask)| {
            for (to, row) in plane.chunks_mut(words).zip(of_mask.rows()) {
                for (x, inside) in row.iter().enumerate() {
                    to[x / BITS] |= u64::from(*inside == value) << (x % BITS);
                }
            }
        });
    packed
}

/// Adds the row moved by so many columns, up and down; what leaves the row is gone.
fn join_shifted(to: &mut [u64], from: &[u64], by: usize) {
    let (whole, part) = (by / BITS, by % BITS);
    let word = |index: Option<usize>| index.and_then(|index| from.get(index)).copied().unwrap_or(0);
    for (at, to) in to.iter_mut().enumerate() {
        let (low, lower) = (word(at.checked_sub(whole)), word(at.checked_sub(whole + 1)));
        let (high, higher) = (word(Some(at + whole)), word(Some(at + whole + 1)));
        *to |= if part == 0 {
            low | high
        } else {
            low << part | lower >> (BITS - part) | high >> part | higher << (BITS - part)
        };
    }
}
