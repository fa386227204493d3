use norma_domain::{SpacingMm, VolumeGeometry};

use super::*;

const SHAPE: [usize; 3] = [40, 120, 160];

/// An ellipsoid by its centre and radii in voxels `(z, y, x)`.
fn inside(index: (usize, usize, usize), center: [f64; 3], radii: [f64; 3]) -> bool {
    let index = [index.0 as f64, index.1 as f64, index.2 as f64];
    (0..3)
        .map(|axis| ((index[axis] - center[axis]) / radii[axis]).powi(2))
        .sum::<f64>()
        < 1.0
}

const RIGHT: ([f64; 3], [f64; 3]) = ([20.0, 60.0, 48.0], [15.0, 35.0, 22.0]);
const LEFT: ([f64; 3], [f64; 3]) = ([20.0, 60.0, 112.0], [15.0, 35.0, 22.0]);

/// A body (elliptic cylinder) with two ellipsoid lungs, 2 × 2.5 × 2.5 mm.
fn chest(change: impl Fn((usize, usize, usize), i16) -> i16) -> Volume {
    let hounsfield = Array3::from_shape_fn(SHAPE, |index| {
        let body = inside((20, index.1, index.2), [20.0, 60.0, 80.0], [1.0, 52.0, 74.0]);
        let value = if inside(index, RIGHT.0, RIGHT.1) || inside(index, LEFT.0, LEFT.1) {
            -850
        } else if body {
            40
        } else {
            -1000
        };
        change(index, value)
    });
    let geometry = VolumeGeometry {
        slice_places_mm: None,
        shape: SHAPE,
        spacing_mm: SpacingMm::new(2.0, 2.5, 2.5).unwrap(),
        origin_mm: [0.0; 3],
        direction: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
    };
    Volume::new(hounsfield, geometry).unwrap()
}

fn ellipsoid_ml(radii: [f64; 3]) -> f64 {
    4.0 / 3.0 * std::f64::consts::PI * radii.iter().product::<f64>() * (2.0 * 2.5 * 2.5) / 1000.0
}

#[test]
fn two_ellipsoids_have_their_volumes_and_sides() {
    let lungs = segment_lungs(&chest(|_, value| value));
    for found in [lungs.right_ml, lungs.left_ml] {
        assert!((found / ellipsoid_ml(RIGHT.1) - 1.0).abs() < 0.03, "{found}");
    }
    assert_eq!(lungs.mask[[20, 60, 48]], RIGHT_LUNG);
    assert_eq!(lungs.mask[[20, 60, 112]], LEFT_LUNG);
    let [first, last] = lungs.extent.unwrap();
    assert!(first.abs_diff(6) <= 1 && last.abs_diff(34) <= 1, "{first} {last}");
    assert!(!lungs.touches_first && !lungs.touches_last);
    let largest = std::f64::consts::PI * 35.0 * 22.0 * 6.25 * 2.0;
    assert!((lungs.area_mm2[20] / largest - 1.0).abs() < 0.03);
}

#[test]
fn a_mirrored_volume_keeps_the_patients_sides() {
    let mut volume = chest(|_, value| value);
    volume.geometry.direction[2] = [-1.0, 0.0, 0.0];
    assert_eq!(segment_lungs(&volume).mask[[20, 60, 48]], LEFT_LUNG);
}

#[test]
fn lungs_that_touch_are_parted_in_the_middle() {
    // A bridge of lung with a thin denser line, as at the anterior junction.
    let bridge = |(z, y, x): (usize, usize, usize), value: i16| {
        if (16..24).contains(&z) && (40..48).contains(&y) && (60..100).contains(&x) {
            if x == 82 { -600 } else { -850 }
        } else {
            value
        }
    };
    let lungs = segment_lungs(&chest(bridge));
    assert!(
        (lungs.right_ml / lungs.left_ml - 1.0).abs() < 0.08,
        "{} {}",
        lungs.right_ml,
        lungs.left_ml
    );
    assert_eq!(lungs.mask[[20, 44, 79]], RIGHT_LUNG);
    assert_eq!(lungs.mask[[20, 44, 85]], LEFT_LUNG);
}

#[test]
fn airway_and_bowel_gas_are_no_lung_but_vessels_and_nodules_are() {
    let lungs = segment_lungs(&chest(|index, value| {
        let trachea = inside((20, index.1, index.2), [20.0, 60.0, 80.0], [1.0, 4.0, 4.0]);
        let gas = inside(index, [10.0, 35.0, 80.0], [6.0, 9.0, 7.0]);
        let nodule = inside(index, [20.0, 60.0, 40.0], [4.0, 4.0, 4.0]);
        if trachea || gas {
            -990
        } else if nodule {
            30
        } else {
            value
        }
    }));
    assert_eq!(lungs.mask[[20, 60, 80]], 0);
    assert_eq!(lungs.mask[[10, 35, 80]], 0);
    assert_eq!(lungs.mask[[20, 60, 40]], RIGHT_LUNG);
    assert!((lungs.right_ml / ellipsoid_ml(RIGHT.1) - 1.0).abs() < 0.03);
}

#[test]
fn a_lung_without_air_leaves_the_other_one() {
    let lungs = segment_lungs(&chest(
        |index, value| if index.2 < 80 && value == -850 { 30 } else { value },
    ));
    assert_eq!(lungs.right_ml, 0.0);
    assert!((lungs.left_ml / ellipsoid_ml(LEFT.1) - 1.0).abs() < 0.03);
}

#[test]
fn no_lungs_are_made_up() {
    let solid = segment_lungs(&chest(|_, value| if value == -850 { 40 } else { value }));
    assert_eq!(solid.extent, None);
    assert_eq!(solid.total_ml(), 0.0);
    let air = segment_lungs(&chest(|_, _| -1000));
    assert_eq!(air.extent, None);
}

#[test]
fn a_cut_lung_says_so() {
    let volume = chest(|_, value| value);
    let cut = Volume::new(
        volume.hounsfield.slice(s![15.., .., ..]).to_owned(),
        VolumeGeometry {
            slice_places_mm: None,
            shape: [25, SHAPE[1], SHAPE[2]],
            ..volume.geometry
        },
    )
    .unwrap();
    let lungs = segment_lungs(&cut);
    assert!(lungs.touches_first && !lungs.touches_last);
}

#[test]
fn a_lung_that_touches_a_notch_of_the_skin_is_a_lung() {
    // A fold, averaged with what lies below it, down to where the next slice holds the top of the lung.
    let notch = |index: (usize, usize, usize), value: i16| {
        let is_notch = index.0 == 5 && index.1 <= 60 && (47..=48).contains(&index.2);
        if is_notch { value.min(-450) } else { value }
    };
    let sound = segment_lungs(&chest(|_, value| value));
    let lungs = segment_lungs(&chest(notch));
    assert!(
        (lungs.right_ml / sound.right_ml - 1.0).abs() < 0.01,
        "{}",
        lungs.right_ml
    );
    assert!(
        (lungs.left_ml / sound.left_ml - 1.0).abs() < 0.01,
        "{}",
        lungs.left_ml
    );
    // An armpit is no lung: it opens wide.
    let armpit = |index: (usize, usize, usize), value: i16| {
        let is_pocket = (10..14).contains(&index.0) && index.1.abs_diff(60) < 12 && index.2.abs_diff(12) < 6;
        let is_open = index.0 == 14 && index.1.abs_diff(60) < 12 && index.2 < 18;
        if is_pocket || is_open {
            -850
        } else {
            notch(index, value)
        }
    };
    let beside = segment_lungs(&chest(armpit));
    assert!(
        (beside.right_ml / sound.right_ml - 1.0).abs() < 0.01,
        "{}",
        beside.right_ml
    );
}
