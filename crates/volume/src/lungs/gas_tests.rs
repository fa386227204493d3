use norma_domain::{SpacingMm, VolumeGeometry};

use crate::{Volume, segment_lungs};
use ndarray::Array3;

/// 80 slices of 3 mm, 120 × 160 pixels of 2.5 mm.
const SHAPE: [usize; 3] = [80, 120, 160];
const CENTER: [f64; 2] = [60.0, 80.0];

fn inside(index: [usize; 3], center: [f64; 3], radii: [f64; 3]) -> bool {
    (0..3)
        .map(|axis| ((index[axis] as f64 - center[axis]) / radii[axis]).powi(2))
        .sum::<f64>()
        < 1.0
}

/// Height of the dome under a lung, in slices: 30 at its top, falling towards the rim.
fn dome(y: usize, x: usize, center_x: f64) -> f64 {
    let from_top = ((y as f64 - CENTER[0]) / 34.0).powi(2) + ((x as f64 - center_x) / 24.0).powi(2);
    30.0 - 18.0 * from_top
}

/// An elliptic body with two lungs on domes; `change` alters voxels, given the index and whether it is lung.
fn chest(change: impl Fn([usize; 3], bool) -> Option<i16>) -> Volume {
    let hounsfield = Array3::from_shape_fn(SHAPE, |(z, y, x)| {
        let index = [z, y, x];
        let is_lung = [46.0, 114.0].into_iter().any(|center_x| {
            inside([30, y, x], [30.0, CENTER[0], center_x], [1.0, 36.0, 26.0])
                && z < 72
                && z as f64 > dome(y, x, center_x)
        });
        // Vessels: parenchyma is no even grey.
        let value = if is_lung {
            if (z * 7 + y * 3 + x * 5) % 23 == 0 {
                -300
            } else {
                -860
            }
        } else if inside([30, y, x], [30.0, CENTER[0], CENTER[1]], [1.0, 52.0, 74.0]) {
            40
        } else {
            -1000
        };
        change(index, is_lung).unwrap_or(value)
    });
    let geometry = VolumeGeometry {
        slice_places_mm: None,
        shape: SHAPE,
        spacing_mm: SpacingMm::new(3.0, 2.5, 2.5).unwrap(),
        origin_mm: [0.0; 3],
        direction: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
    };
    Volume::new(hounsfield, geometry).unwrap()
}

/// Gas under the dome of the lung at `center_x`, down to slice 0, with a wall of a slice that leaks at its top.
fn bowel(index: [usize; 3], center_x: f64) -> Option<i16> {
    let [z, y, x] = index;
    let below = dome(y, x, center_x) - z as f64;
    if !inside([30, y, x], [30.0, CENTER[0], center_x], [1.0, 20.0, 14.0]) {
        return None;
    }
    let leak = y.abs_diff(60) < 3 && (x as f64 - center_x).abs() < 3.0;
    if below > 1.5 || (leak && below > 0.0) {
        Some(-995)
    } else {
        None
    }
}

#[test]
fn gas_under_either_dome_is_no_lung_even_through_a_leak() {
    let whole = segment_lungs(&chest(|_, _| None));
    assert_eq!(whole.bowel_gas.millilitres, 0.0);
    for center_x in [46.0, 114.0] {
        let found = segment_lungs(&chest(
            |index, is_lung| {
                if is_lung { None } else { bowel(index, center_x) }
            },
        ));
        assert_eq!(found.extent, whole.extent);
        assert!(
            found.bowel_gas.millilitres > 100.0,
            "{}",
            found.bowel_gas.millilitres
        );
        assert!(found.bowel_gas.contains([20, 60, center_x as usize]));
        assert!(!found.bowel_gas.contains([50, 60, center_x as usize]));
        for (found, whole) in [(found.right_ml, whole.right_ml), (found.left_ml, whole.left_ml)] {
            assert!((found / whole - 1.0).abs() < 0.02, "{found} {whole}");
        }
    }
}

#[test]
fn a_bulla_at_the_base_stays_lung() {
    let whole = segment_lungs(&chest(|_, _| None));
    // Gas with a wall too thin to be seen, from the dome upwards.
    let bulla = |index: [usize; 3], is_lung: bool| {
        (is_lung && inside(index, [36.0, 60.0, 114.0], [9.0, 16.0, 13.0])).then_some(-990)
    };
    let found = segment_lungs(&chest(bulla));
    assert_eq!(found.bowel_gas.millilitres, 0.0);
    assert!((found.left_ml / whole.left_ml - 1.0).abs() < 0.02);
}

#[test]
fn a_walled_cavity_in_the_lung_stays_lung() {
    let whole = segment_lungs(&chest(|_, _| None));
    let cavity = |index: [usize; 3], is_lung: bool| {
        let wall = is_lung && inside(index, [48.0, 60.0, 114.0], [8.0, 12.0, 12.0]);
        let hollow = inside(index, [48.0, 60.0, 114.0], [6.0, 9.0, 9.0]);
        wall.then_some(if hollow { -990 } else { 20 })
    };
    let found = segment_lungs(&chest(cavity));
    assert_eq!(found.bowel_gas.millilitres, 0.0);
    assert_eq!(found.mask[[48, 60, 114]], crate::LEFT_LUNG);
    assert!((found.left_ml / whole.left_ml - 1.0).abs() < 0.02);
}

#[test]
fn a_pneumothorax_keeps_its_side() {
    let whole = segment_lungs(&chest(|_, _| None));
    // The left lung collapsed to a dense ball at its hilum; gas in its place.
    let collapsed = |index: [usize; 3], is_lung: bool| {
        if !is_lung || index[2] < 80 {
            return None;
        }
        Some(if inside(index, [48.0, 60.0, 100.0], [9.0, 14.0, 10.0]) {
            20
        } else {
            -1000
        })
    };
    // Open to what is left of the lung.
    let partial = |index: [usize; 3], is_lung: bool| (is_lung && index[2] > 120).then_some(-1000);
    for (name, volume) in [("collapsed", chest(collapsed)), ("partial", chest(partial))] {
        let found = segment_lungs(&volume);
        assert_eq!(found.bowel_gas.millilitres, 0.0, "{name}");
        assert!(
            found.left_ml > 0.9 * whole.left_ml,
            "{name}: {} {}",
            found.left_ml,
            whole.left_ml
        );
        assert!((found.right_ml / whole.right_ml - 1.0).abs() < 0.02, "{name}");
    }
}

#[test]
fn gas_apart_from_the_lungs_is_bowel_where_it_lies_low() {
    let whole = segment_lungs(&chest(|_, _| None));
    let found = segment_lungs(&chest(|index, is_lung| {
        (!is_lung && inside(index, [9.0, 60.0, 112.0], [9.0, 18.0, 13.0])).then_some(-1000)
    }));
    assert!((found.left_ml / whole.left_ml - 1.0).abs() < 0.01);
    assert_eq!(found.extent, whole.extent);
}
