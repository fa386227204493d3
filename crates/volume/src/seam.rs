//! The line between two lungs that touch.

use ndarray::{Array2, ArrayView2};

/// A path from the front to the back of a slice, one column per row.
#[derive(Debug, Clone)]
pub(crate) struct Seam {
    columns: Vec<usize>,
}

impl Seam {
    /// The path near the middle of the body that crosses the least lung (`mask` not 0), and where it must,
    /// the densest: the two pleurae of a junction line are denser than lung. Found by dynamic programming over
    /// the rows; from row to row it moves at most two columns.
    pub(crate) fn between_lungs(
        mask: ArrayView2<'_, u8>,
        slice: ArrayView2<'_, i16>,
        body_center: f64,
        body_width: f64,
    ) -> Self {
        const REACH: usize = 2;
        let (rows, columns) = mask.dim();
        let half_band = 0.15 * body_width;
        let first = (body_center - half_band).clamp(0.0, columns as f64 - 1.0) as usize;
        let last = ((body_center + half_band) as usize).clamp(first, columns - 1);
        let band = last - first + 1;

        let mut total = Array2::<f32>::zeros((rows, band));
        let mut came_from = Array2::<i8>::zeros((rows, band));
        for y in 0..rows {
            for index in 0..band {
                let x = first + index;
                // A trace of a preference for the middle keeps the path straight within tissue.
                let mut cost = 0.002 * (x as f64 - body_center).abs() as f32 / half_band as f32;
                if mask[[y, x]] != 0 {
                    cost += 1.0 + (-f32::from(slice[[y, x]]) / 400.0).max(0.0);
                }
                let mut best = (f32::INFINITY, 0i8);
                if y == 0 {
                    best.0 = 0.0;
                } else {
                    for from in index.saturating_sub(REACH)..=(index + REACH).min(band - 1) {
                        let step = from.abs_diff(index) as f32 * 0.01;
                        let candidate = total[[y - 1, from]] + step;
                        if candidate < best.0 {
                            best = (candidate, (from as isize - index as isize) as i8);
                        }
                    }
                }
                total[[y, index]] = best.0 + cost;
                came_from[[y, index]] = best.1;
            }
        }
        let mut index = (0..band)
            .min_by(|&a, &b| total[[rows - 1, a]].total_cmp(&total[[rows - 1, b]]))
            .unwrap_or(0);
        let mut path = vec![0; rows];
        for y in (0..rows).rev() {
            path[y] = first + index;
            index = index.saturating_add_signed(isize::from(came_from[[y, index]]));
        }
        Self { columns: path }
    }

    /// Columns below this one are on the low side in row `y`.
    pub(crate) fn column(&self, y: usize) -> usize {
        self.columns[y]
    }
}
