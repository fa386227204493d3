//! Exact distances on the grid and the openings and closings made of them.

use ndarray::{Array3, Axis, Zip};
use rayon::prelude::*;

const FAR: f32 = 1.0e9;

/// Squared distance in voxels of each voxel to the nearest voxel of `mask`, 0 inside it.
///
/// Lower envelopes of parabolas, axis by axis: Felzenszwalb and Huttenlocher, Theory of Computing 8 (2012) 415.
pub(crate) fn squared_distance(mask: &Array3<bool>) -> Array3<f32> {
    let mut distance = mask.mapv(|inside| if inside { 0.0 } else { FAR });
    for axis in [2, 1, 0] {
        // Planes that hold whole lines of the axis.
        let across = if axis == 0 { 1 } else { 0 };
        distance
            .axis_iter_mut(Axis(across))
            .collect::<Vec<_>>()
            .into_par_iter()
            .for_each(|mut plane| {
                let line_axis = if axis == 2 { 1 } else { 0 };
                let length = plane.len_of(Axis(line_axis));
                let mut scratch = Envelope::new(length);
                for mut line in plane.lanes_mut(Axis(line_axis)) {
                    scratch.transform(&mut line);
                }
            });
    }
    distance
}

struct Envelope {
    values: Vec<f32>,
    vertices: Vec<usize>,
    bounds: Vec<f32>,
}

impl Envelope {
    fn new(length: usize) -> Self {
        Self {
            values: vec![0.0; length],
            vertices: vec![0; length],
            bounds: vec![0.0; length + 1],
        }
    }

    fn transform(&mut self, line: &mut ndarray::ArrayViewMut1<'_, f32>) {
        let length = line.len();
        for (value, &from) in self.values.iter_mut().zip(line.iter()) {
            *value = from;
        }
        if self.values.iter().all(|&value| value == 0.0) || self.values.iter().all(|&value| value >= FAR) {
            return;
        }
        let meet = |values: &[f32], left: usize, right: usize| {
            let square = |at: usize| (at * at) as f32;
            ((values[right] + square(right)) - (values[left] + square(left)))
                / (2.0 * (right as f32 - left as f32))
        };
        let mut last = 0;
        self.vertices[0] = 0;
        self.bounds[0] = -FAR;
        self.bounds[1] = FAR;
        for at in 1..length {
            let mut bound = meet(&self.values, self.vertices[last], at);
            while last > 0 && bound <= self.bounds[last] {
                last -= 1;
                bound = meet(&self.values, self.vertices[last], at);
            }
            if bound <= self.bounds[last] {
                self.vertices[last] = at;
            } else {
                last += 1;
                self.vertices[last] = at;
                self.bounds[last] = bound;
            }
            self.bounds[last + 1] = FAR;
        }
        let mut part = 0;
        for at in 0..length {
            while self.bounds[part + 1] < at as f32 {
                part += 1;
            }
            let apart = at.abs_diff(self.vertices[part]) as f32;
            line[at] = (apart * apart + self.values[self.vertices[part]]).min(FAR);
        }
    }
}

/// All voxels within `radius` voxels of the mask.
pub(crate) fn dilate(mask: &Array3<bool>, radius: f32) -> Array3<bool> {
    squared_distance(mask).mapv(|distance| distance <= radius * radius)
}

/// The voxels further than `radius` from everything outside the mask; beyond the grid nothing is outside.
pub(crate) fn erode(mask: &Array3<bool>, radius: f32) -> Array3<bool> {
    squared_distance(&mask.mapv(|inside| !inside)).mapv(|distance| distance > radius * radius)
}

/// Fills what is narrower than twice `radius` voxels.
pub(crate) fn close(mask: &Array3<bool>, radius: f32) -> Array3<bool> {
    let mut closed = erode(&dilate(mask, radius), radius);
    Zip::from(&mut closed)
        .and(mask)
        .for_each(|closed, &inside| *closed |= inside);
    closed
}

/// Leaves what holds a ball of `radius` voxels.
pub(crate) fn open(mask: &Array3<bool>, radius: f32) -> Array3<bool> {
    dilate(&erode(mask, radius), radius)
}

/// Grey opening by a ball of 3 voxels: what is brighter than its surroundings and narrower than the ball goes.
pub(crate) fn remove_narrow(hounsfield: &Array3<i16>) -> Array3<i16> {
    let eroded = extremum_in_ball(hounsfield, i16::min);
    extremum_in_ball(&eroded, i16::max)
}

const BALL: i32 = 3;

/// The extremum over a ball of [`BALL`] voxels, edges repeated: along rows for each half-width first, then over the
/// rows of the ball, which keeps the inner loops over whole rows.
fn extremum_in_ball(values: &Array3<i16>, better: fn(i16, i16) -> i16) -> Array3<i16> {
    let (slices, rows, columns) = values.dim();
    let along_rows: Vec<Array3<i16>> = (0..=BALL as usize)
        .map(|half| {
            let mut widened = values.clone();
            widened
                .axis_iter_mut(Axis(0))
                .collect::<Vec<_>>()
                .into_par_iter()
                .enumerate()
                .for_each(|(z, mut plane)| {
                    for (y, mut row) in plane.rows_mut().into_iter().enumerate() {
                        let source = values.slice(ndarray::s![z, y, ..]);
                        for step in 1..=half {
                            for x in 0..columns {
                                let (left, right) = (
                                    source[x.saturating_sub(step)],
                                    source[(x + step).min(columns - 1)],
                                );
                                row[x] = better(row[x], better(left, right));
                            }
                        }
                    }
                });
            widened
        })
        .collect();
    let mut offsets = Vec::new();
    for dz in -BALL..=BALL {
        for dy in -BALL..=BALL {
            let left = BALL * BALL - dz * dz - dy * dy;
            if left >= 0 {
                offsets.push((dz, dy, f64::from(left).sqrt() as usize));
            }
        }
    }
    let clamp = |at: usize, by: i32, length: usize| (at as i32 + by).clamp(0, length as i32 - 1) as usize;
    let mut result = values.clone();
    result
        .axis_iter_mut(Axis(0))
        .collect::<Vec<_>>()
        .into_par_iter()
        .enumerate()
        .for_each(|(z, mut plane)| {
            for (y, mut row) in plane.rows_mut().into_iter().enumerate() {
                for &(dz, dy, half) in &offsets {
                    let source =
                        along_rows[half].slice(ndarray::s![clamp(z, dz, slices), clamp(y, dy, rows), ..]);
                    Zip::from(&mut row)
                        .and(source)
                        .for_each(|to, &from| *to = better(*to, from));
                }
            }
        });
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ball(radius: f64) -> Array3<bool> {
        Array3::from_shape_fn((41, 43, 45), |(z, y, x)| {
            let along = [z as f64 - 20.0, y as f64 - 21.0, x as f64 - 22.0];
            along.iter().map(|value| value * value).sum::<f64>() <= radius * radius
        })
    }

    #[test]
    fn distances_to_a_voxel_are_exact() {
        let mut mask = Array3::from_elem((9, 12, 15), false);
        mask[[4, 5, 6]] = true;
        for ((z, y, x), &distance) in squared_distance(&mask).indexed_iter() {
            let exact = z.abs_diff(4).pow(2) + y.abs_diff(5).pow(2) + x.abs_diff(6).pow(2);
            assert_eq!(distance, exact as f32);
        }
    }

    #[test]
    fn a_ball_survives_an_opening_by_a_smaller_ball_only() {
        let mask = ball(6.0);
        let count = |mask: &Array3<bool>| mask.iter().filter(|&&inside| inside).count() as f64;
        let kept = count(&open(&mask, 4.0)) / count(&mask);
        // Of so few voxels a fifth are corners that no smaller ball of voxels reaches.
        assert!((0.75..=1.0).contains(&kept), "{kept}");
        assert_eq!(count(&open(&mask, 7.0)), 0.0);
    }

    #[test]
    fn a_vessel_goes_and_a_lesion_stays() {
        let lesion = ball(7.0);
        let volume = Array3::from_shape_fn(lesion.dim(), |(z, y, x)| {
            if lesion[[z, y, x]] {
                -500
            } else if y.abs_diff(6) <= 2 && x.abs_diff(6) <= 2 {
                40
            } else {
                -860
            }
        });
        let opened = remove_narrow(&volume);
        assert_eq!(opened[[20, 6, 6]], -860);
        assert_eq!(opened[[20, 21, 22]], -500);
    }
}
