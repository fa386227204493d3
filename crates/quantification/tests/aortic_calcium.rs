//! Phantoms with plaques of known volume in the wall of the descending aorta, and with bone that reaches it: the one is calcium, the other is
//! none.

mod protocols;

use norma_domain::{Measure, MeasureCode, MeasureState, NotMeasurable, PathologyType, Quantification};
use norma_phantom::{PhantomOptions, phantom_volume};
use norma_quantification::quantify;
use norma_volume::{Volume, segment_lungs};
use protocols::{in_slabs, noisy};

/// Middle of the phantom's aorta at half height of the descending part, in millimetres to the left, the back and the head, and its radius.
const AORTA_MM: [f64; 3] = [20.0, 36.0, 130.0];
const RADIUS_MM: f64 = 12.0;
/// Middle of a vertebral body at that height.
const BODY_MM: [f64; 2] = [0.0, 46.0];
const PLAQUE_HU: i16 = 700;
const BONE_HU: i16 = 400;

fn norm() -> Volume {
    phantom_volume(&PhantomOptions {
        size: 400,
        ..PhantomOptions::default()
    })
}

fn measured(volume: &Volume) -> Quantification {
    quantify(volume, &segment_lungs(volume), None).0
}

fn calcium(quantification: &Quantification) -> &Measure {
    quantification
        .measure(MeasureCode::AorticCalcium)
        .expect("it is always listed")
}

fn millilitres(volume: &Volume) -> f64 {
    calcium(&measured(volume)).value.expect("it is measured")
}

/// Sets what `is_inside` says of places in millimetres from the middle of the aorta, within 30 mm of it; gives the millilitres.
fn painted(volume: &Volume, hounsfield: i16, is_inside: impl Fn([f64; 3]) -> bool) -> (Volume, f64) {
    let mut painted = volume.clone();
    let [_, rows, columns] = volume.geometry.shape;
    let [z_mm, y_mm, x_mm] = volume.geometry.spacing_mm.zyx();
    let mut voxels = 0;
    for ((z, y, x), value) in painted.hounsfield.indexed_iter_mut() {
        // The middle of the phantom lies 6 mm in front of the middle of the slices.
        let place = [
            (x as f64 + 0.5 - columns as f64 / 2.0) * x_mm,
            (y as f64 + 0.5 - rows as f64 / 2.0) * y_mm + 6.0,
            (z as f64 + 0.5) * z_mm,
        ];
        let from_middle = [0, 1, 2].map(|axis| place[axis] - AORTA_MM[axis]);
        if from_middle.iter().all(|mm| mm.abs() <= 30.0) && is_inside(from_middle) {
            *value = hounsfield;
            voxels += 1;
        }
    }
    (painted, f64::from(voxels) * z_mm * y_mm * x_mm / 1000.0)
}

/// A plaque of 2 mm in the wall on the left, so long along the aorta.
fn with_plaque(volume: &Volume, length_mm: f64) -> (Volume, f64) {
    painted(volume, PLAQUE_HU, |[x, y, z]| {
        let apart = x.hypot(y);
        (RADIUS_MM - 2.0..=RADIUS_MM).contains(&apart) && x > 0.0 && y.abs() < x && z.abs() <= length_mm / 2.0
    })
}

#[test]
fn an_aorta_without_calcium_was_looked_at() {
    let norm = measured(&norm());
    let measure = calcium(&norm);
    assert_eq!((measure.value, measure.state), (Some(0.0), MeasureState::Within));
    assert!(norm.has_looked_for(PathologyType::ArterialWallCalcification));
}

#[test]
fn plaques_are_measured_and_decide_nothing() {
    for (length_mm, state) in [(4.0, MeasureState::Borderline), (50.0, MeasureState::Outside)] {
        let (volume, drawn_ml) = with_plaque(&norm(), length_mm);
        let found = measured(&volume);
        let measure = calcium(&found);
        let value = measure.value.expect("it is measured");
        // A thin plaque blooms: on the grid its voxels are averaged with what lies beside them.
        assert!(
            (0.6 * drawn_ml..2.5 * drawn_ml).contains(&value),
            "{value} of {drawn_ml}"
        );
        assert_eq!(measure.state, state, "{value} of {drawn_ml}");
        assert!(!measure.decides && !found.is_pathology());
    }
}

#[test]
fn bone_that_reaches_the_aorta_is_no_calcium() {
    let to_body = [BODY_MM[0] - AORTA_MM[0], BODY_MM[1] - AORTA_MM[1]];
    let length = to_body[0].hypot(to_body[1]);
    let direction = to_body.map(|side| side / length);
    // A bar of 6 mm from within the vertebra to the wall.
    let (volume, drawn_ml) = painted(&norm(), BONE_HU, |[x, y, z]| {
        let along = x * direction[0] + y * direction[1];
        let across = (x * direction[1] - y * direction[0]).abs();
        (RADIUS_MM - 1.0..length).contains(&along) && across <= 3.0 && z.abs() <= 3.0
    });
    assert!(drawn_ml > 0.2);
    assert_eq!(millilitres(&volume), 0.0);
}

#[test]
fn contrast_hides_calcium() {
    let enhanced = measured(&phantom_volume(&PhantomOptions {
        size: 400,
        contrast: true,
        ..PhantomOptions::default()
    }));
    let measure = calcium(&enhanced);
    assert_eq!(
        (measure.value, measure.why),
        (None, Some(NotMeasurable::Contrast))
    );
    assert!(!enhanced.has_looked_for(PathologyType::ArterialWallCalcification));
}

#[test]
fn slices_and_noise_make_no_calcium_and_hide_no_large_plaque() {
    let norm = norm();
    let (plaque, _) = with_plaque(&norm, 50.0);
    for change in [
        |volume: &Volume| in_slabs(volume, 5.0, 5.0, 0.0),
        |volume: &Volume| noisy(volume, 40.0),
    ] {
        assert_eq!(millilitres(&change(&norm)), 0.0);
        assert!(millilitres(&change(&plaque)) > 0.5);
    }
}
