//! Maps end at the skin: whatever made a model look at the table or the air, no finding lies there.

use ndarray::{Array2, Array3, Axis, s};
use norma_inference::bilinear;
use norma_volume::{PREPARED_SIZE, PreparedSlices, body_in_prepared_slice};
use rayon::prelude::*;

use crate::localization::FINEST;

/// The maps `(n, h, w)` of the prepared slices `indices`, 0 wherever less than half of a cell shows the body. Coarse
/// maps are interpolated first: a cell of 7 × 7 that holds the chest wall holds the table as well.
pub(crate) fn clip_to_body(maps: &Array3<f32>, slices: &PreparedSlices, indices: &[usize]) -> Array3<f32> {
    let (_, rows, columns) = maps.dim();
    let (rows, columns) = (rows.max(FINEST), columns.max(FINEST));
    let clipped: Vec<Array2<f32>> = indices
        .par_iter()
        .enumerate()
        .map(|(place, &index)| {
            let body = body_in_prepared_slice(
                slices.pixels.index_axis(Axis(0), index),
                slices.lung_mask.index_axis(Axis(0), index),
            );
            let mut map = bilinear(&maps.index_axis(Axis(0), place), rows, columns);
            for ((row, column), value) in map.indexed_iter_mut() {
                let cell = body.slice(s![pixels_of(row, rows), pixels_of(column, columns)]);
                let shown = cell.iter().filter(|&&value| value != 0).count();
                if 2 * shown < cell.len() {
                    *value = 0.0;
                }
            }
            map
        })
        .collect();
    let mut stacked = Array3::zeros((clipped.len(), rows, columns));
    for (mut target, map) in stacked.outer_iter_mut().zip(&clipped) {
        target.assign(map);
    }
    stacked
}

/// Pixels of a prepared slice that one of `cells` cells covers; at least one.
fn pixels_of(cell: usize, cells: usize) -> std::ops::Range<usize> {
    let from = (cell * PREPARED_SIZE / cells).min(PREPARED_SIZE - 1);
    from..((cell + 1) * PREPARED_SIZE / cells).clamp(from + 1, PREPARED_SIZE)
}

#[cfg(test)]
mod tests {
    use norma_volume::CropBox;

    use super::*;

    /// A body of rows 30..150 with a lung in it, a table in rows 170..190, air elsewhere.
    fn slices(count: usize) -> PreparedSlices {
        let lung = |y: usize, x: usize| (50..120).contains(&y) && (40..100).contains(&x);
        PreparedSlices {
            pixels: Array3::from_shape_fn((count, PREPARED_SIZE, PREPARED_SIZE), |(_, y, x)| match y {
                _ if lung(y, x) => 30,
                30..150 if (20..204).contains(&x) => 223,
                170..190 => 223,
                _ => 0,
            }),
            lung_mask: Array3::from_shape_fn((count, PREPARED_SIZE, PREPARED_SIZE), |(_, y, x)| {
                u8::from(lung(y, x))
            }),
            slices: (0..count).collect(),
            crops: vec![
                CropBox {
                    y: 0.0,
                    x: 0.0,
                    side: 224.0
                };
                count
            ],
        }
    }

    #[test]
    fn nothing_is_left_in_the_air_or_on_the_table() {
        // 7 × 7 cells of 32 pixels, the highest over the table.
        let mut maps = Array3::from_elem((2, 7, 7), 0.5);
        maps.slice_mut(s![.., 5, ..]).fill(1.0);
        let clipped = clip_to_body(&maps, &slices(3), &[0, 2]);
        assert_eq!(clipped.dim(), (2, FINEST, FINEST));
        for ((_, row, column), &value) in clipped.indexed_iter() {
            // Four pixels a cell.
            let (y, x) = (4 * row + 2, 4 * column + 2);
            let is_body = (36..144).contains(&y) && (26..198).contains(&x);
            let is_outside = !(26..154).contains(&y) || !(16..208).contains(&x);
            assert!(!is_body || value > 0.0, "{y} {x}: {value}");
            assert!(!is_outside || value.abs() < f32::EPSILON, "{y} {x}: {value}");
        }
    }

    #[test]
    fn a_map_finer_than_the_grid_keeps_its_own() {
        let maps = Array3::from_elem((1, 64, 100), 1.0);
        let clipped = clip_to_body(&maps, &slices(1), &[0]);
        assert_eq!(clipped.dim(), (1, 64, 100));
        assert_eq!((clipped[[0, 0, 0]], clipped[[0, 30, 50]]), (0.0, 1.0));
        let finest = Array3::from_elem((1, 500, 500), 1.0);
        assert_eq!(clip_to_body(&finest, &slices(1), &[0]).dim(), (1, 500, 500));
    }
}
