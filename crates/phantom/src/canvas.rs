//! The grid of a slice and drawing on it.

use crate::shapes::{Point, Tube};

/// Side of the square that a slice shows.
pub(crate) const FIELD_OF_VIEW_MM: f32 = 400.0;
const FIELD_CENTER_Y_MM: f32 = 6.0;

/// The grid of the volume.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    pub(crate) size: usize,
    pub(crate) pixel_mm: f32,
    pub(crate) spacing_mm: f32,
    pub(crate) tilt_sin: f32,
    pub(crate) tilt_cos: f32,
}

impl Grid {
    pub(crate) fn point(&self, slice: usize, row: usize, column: usize) -> Point {
        let from_middle = |index: usize| (index as f32 + 0.5 - self.size as f32 / 2.0) * self.pixel_mm;
        let down = from_middle(row);
        [
            from_middle(column),
            FIELD_CENTER_Y_MM + down * self.tilt_cos,
            (slice as f32 + 0.5) * self.spacing_mm + down * self.tilt_sin,
        ]
    }
}

/// A slice in the making.
pub(crate) struct Canvas<'a> {
    pub(crate) slice: usize,
    pub(crate) grid: &'a Grid,
    pub(crate) values: Vec<f32>,
    /// How much of each pixel is lung with air.
    pub(crate) lung: Vec<f32>,
}

impl Canvas<'_> {
    /// Draws a tube where there is lung; `draw` gets the value, the distance and the share of lung.
    pub(crate) fn paint(&mut self, tube: &Tube, draw: impl Fn(&mut f32, f32, f32)) {
        let size = self.grid.size;
        let reach = tube.radius_from.max(tube.radius_to) + 2.0;
        let index = |mm: f32| (mm / self.grid.pixel_mm + size as f32 / 2.0).clamp(0.0, size as f32) as usize;
        let span = |a: f32, b: f32| index(a.min(b) - reach)..index(a.max(b) + reach + self.grid.pixel_mm);
        let down = |y: f32| (y - FIELD_CENTER_Y_MM) / self.grid.tilt_cos;
        for row in span(down(tube.from[1]), down(tube.to[1])) {
            for column in span(tube.from[0], tube.to[0]) {
                let share = self.lung[row * size + column];
                if share > 0.0 {
                    let distance = tube.distance(self.grid.point(self.slice, row, column));
                    if distance < 2.0 {
                        draw(&mut self.values[row * size + column], distance, share);
                    }
                }
            }
        }
    }
}

/// The tubes that heights `low..=high` reach.
pub(crate) fn reached(tubes: &[Tube], low: f32, high: f32) -> impl Iterator<Item = &Tube> {
    tubes.iter().filter(move |tube| {
        let (bottom, top) = tube.z_range(2.0);
        top >= low && bottom <= high
    })
}

/// Mean with the weights 1, 2, 1 along both axes of a square image: about the sharpness of a soft kernel.
pub(crate) fn blur(values: &mut [f32], size: usize) {
    for row in values.chunks_exact_mut(size) {
        let mut before = row[0];
        for column in 0..size {
            let (here, after) = (row[column], row[(column + 1).min(size - 1)]);
            row[column] = (before + 2.0 * here + after) / 4.0;
            before = here;
        }
    }
    let mut above = values[..size].to_vec();
    for row in 0..size {
        let next = (row + 1).min(size - 1) * size;
        for column in 0..size {
            let (here, below) = (values[row * size + column], values[next + column]);
            values[row * size + column] = (above[column] + 2.0 * here + below) / 4.0;
            above[column] = here;
        }
    }
}
