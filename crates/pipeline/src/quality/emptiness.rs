//! Whether what lies where lungs would lie is emptier than air, or as empty: then the scale is wrong, and no lungs are found for that
//! reason.

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
/// The middle of healthy lungs is −850 HU, of the emptiest −950. So much gas as lungs hold whose middle is as low as the air of a
/// bowel, and that is no such air, since a quarter of it is denser than another by more than noise, are lungs on a steeper scale.
const NEARLY_AIR_BELOW: i16 = -940;
const LUNGS_ML: f64 = 1500.0;
const LEAST_SPREAD_HU: i16 = 35;

/// Whether most of the gas with tissue on all four sides of it, of half a litre at least, lies below air, or what must be lungs lies
/// where air lies.
pub(super) fn is_emptier_than_air(volume: &Volume) -> bool {
    let (mut gas, mut emptier) = (Vec::new(), 0usize);
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
                gas.push(value);
                emptier += usize::from(value < EMPTIER_BELOW);
            }
        }
    }
    let voxel_ml = volume.geometry.spacing_mm.zyx().iter().product::<f64>() / 1000.0;
    let sampled_ml = voxel_ml * (STRIDE * STRIDE * STRIDE) as f64;
    let is_below =
        emptier as f64 * sampled_ml >= LEAST_ML && emptier as f64 >= LEAST_SHARE * gas.len() as f64;
    is_below || (gas.len() as f64 * sampled_ml >= LUNGS_ML && is_lung_like_air(gas))
}

/// Whether the values lie as low as air and are too different for it.
fn is_lung_like_air(mut gas: Vec<i16>) -> bool {
    let [low, middle, high] = [1, 2, 3].map(|quarter| {
        let place = (gas.len() - 1) * quarter / 4;
        *gas.select_nth_unstable(place).1
    });
    middle < NEARLY_AIR_BELOW && high - low >= LEAST_SPREAD_HU
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

    fn chest(lungs: i16) -> Volume {
        chest_with(lungs, 10)
    }

    /// A body with two lungs of two litres together, of values that lie apart so far, beside it two arms with air between.
    fn chest_with(lungs: i16, apart: i16) -> Volume {
        let shape = [40, 100, 160];
        let hounsfield = Array3::from_shape_fn(shape, |(z, y, x)| {
            let noise = ((z * 31 + y * 17 + x * 7) % 21) as i16 - 10;
            let texture = (z * 13 + y * 5 + x * 3) % 21;
            let texture = (texture as i16 - 10) * apart / 10;
            let (dy, dx) = (y as f64 - 50.0, x as f64 - 80.0);
            let is_lung = (dy / 25.0).hypot((dx.abs() - 24.0) / 15.0) < 1.0;
            let is_body = (dy / 40.0).hypot(dx / 55.0) < 1.0 || !(8..152).contains(&x);
            let level = if is_lung {
                lungs + texture
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

    #[test]
    fn lungs_where_air_lies_are_told_from_the_air_of_a_bowel() {
        // Lungs of −700 to −900 HU by a slope of 1.2 and an intercept of −1200.
        assert!(is_emptier_than_air(&chest_with(-985, 90)));
        assert!(!is_emptier_than_air(&chest_with(-985, 10)));
        assert!(!is_emptier_than_air(&chest_with(-850, 90)));
    }
}
