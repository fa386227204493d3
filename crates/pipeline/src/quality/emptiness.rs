//! Whether what lies where lungs would lie is emptier than air: then the scale is wrong, and no lungs are found for that reason.

use ndarray::{ArrayView2, Axis, s};
use norma_volume::Volume;

/// Every so-many-th voxel along each axis.
const STRIDE: usize = 2;
const TISSUE_ABOVE: i16 = -300;
const GAS_BELOW: i16 = -600;
/// Values are cut off at −1024 HU when they are read; noise spreads air that far, but not half of it.
const EMPTIER_BELOW: i16 = -1015;
const LEAST_ML: f64 = 500.0;
const LEAST_SHARE: f64 = 0.5;

/// Whether most of the gas with tissue on all four sides of it, of half a litre at least, lies below air.
pub(super) fn is_emptier_than_air(volume: &Volume) -> bool {
    let (mut gas, mut emptier) = (0usize, 0usize);
    for picture in volume
        .hounsfield
        .slice(s![..;STRIDE, ..;STRIDE, ..;STRIDE])
        .axis_iter(Axis(0))
    {
        let (rows, columns) = (spans(&picture), spans(&picture.reversed_axes()));
        for ((y, x), &value) in picture.indexed_iter() {
            let is_within =
                |span: Option<[usize; 2]>, at| span.is_some_and(|[first, last]| first < at && at < last);
            if value < GAS_BELOW && is_within(rows[y], x) && is_within(columns[x], y) {
                gas += 1;
                emptier += usize::from(value < EMPTIER_BELOW);
            }
        }
    }
    let voxel_ml = volume.geometry.spacing_mm.zyx().iter().product::<f64>() / 1000.0;
    let sampled_ml = voxel_ml * (STRIDE * STRIDE * STRIDE) as f64;
    emptier as f64 * sampled_ml >= LEAST_ML && emptier as f64 >= LEAST_SHARE * gas as f64
}

/// Of each row the first and the last place with tissue.
fn spans(picture: &ArrayView2<'_, i16>) -> Vec<Option<[usize; 2]>> {
    let is_tissue = |value: &i16| *value > TISSUE_ABOVE;
    picture
        .rows()
        .into_iter()
        .map(|row| {
            let first = row.iter().position(is_tissue)?;
            let last = row.len() - 1 - row.iter().rev().position(is_tissue)?;
            Some([first, last])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;
    use norma_domain::{SpacingMm, VolumeGeometry};

    use super::*;

    /// A body with two lungs of two litres together, beside it two arms with air between.
    fn chest(lungs: i16) -> Volume {
        let shape = [40, 100, 160];
        let hounsfield = Array3::from_shape_fn(shape, |(z, y, x)| {
            let noise = ((z * 31 + y * 17 + x * 7) % 21) as i16 - 10;
            let (dy, dx) = (y as f64 - 50.0, x as f64 - 80.0);
            let is_lung = (dy / 25.0).hypot((dx.abs() - 24.0) / 15.0) < 1.0;
            let is_body = (dy / 40.0).hypot(dx / 55.0) < 1.0 || !(8..152).contains(&x);
            let level = if is_lung {
                lungs
            } else if is_body {
                40
            } else {
                -1024
            };
            (level + noise).max(-1024)
        });
        Volume {
            hounsfield,
            geometry: VolumeGeometry {
                shape,
                spacing_mm: SpacingMm::new(8.0, 2.5, 2.5).unwrap(),
                origin_mm: [0.0; 3],
                direction: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
                slice_places_mm: None,
            },
        }
    }

    #[test]
    fn lungs_that_are_emptier_than_air_are_told_from_lungs_and_from_what_lies_around() {
        assert!(is_emptier_than_air(&chest(-1100)));
        for lungs in [-850, -980, 40] {
            assert!(!is_emptier_than_air(&chest(lungs)), "{lungs}");
        }
    }
}
