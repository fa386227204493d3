//! Phantoms whose heart's width and whose bone are known: what is measured follows them, in any protocol, and says so where it cannot be
//! measured.

mod protocols;

use norma_domain::{Measure, MeasureCode, MeasureState, NotMeasurable, PathologyType, Quantification};
use norma_phantom::{PhantomOptions, phantom_volume};
use norma_quantification::quantify;
use norma_volume::{Volume, segment_lungs};
use protocols::{in_slabs, noisy, sharpened};

fn norm() -> Volume {
    phantom_volume(&fine())
}

fn fine() -> PhantomOptions {
    PhantomOptions {
        size: 400,
        ..PhantomOptions::default()
    }
}

fn measured(volume: &Volume) -> Quantification {
    quantify(volume, &segment_lungs(volume), None).0
}

fn of(quantification: &Quantification, code: MeasureCode) -> &Measure {
    quantification.measure(code).expect("it is always listed")
}

fn ratio(quantification: &Quantification) -> f64 {
    of(quantification, MeasureCode::CardiothoracicRatio)
        .value
        .expect("it is measured")
}

fn bone_hu(quantification: &Quantification) -> f64 {
    of(quantification, MeasureCode::TrabecularDensity)
        .value
        .expect("it is measured")
}

/// The phantom with lung turned to blood within so many millimetres of what is denser between the lungs on the left, above its dome.
fn with_wide_heart(volume: &Volume, wider_mm: f64) -> Volume {
    let lungs = segment_lungs(volume);
    let mut wide = volume.clone();
    let [slices, rows, columns] = volume.geometry.shape;
    let pixels = (wider_mm / volume.geometry.spacing_mm.x()) as usize;
    for z in slices * 2 / 5..slices * 3 / 5 {
        for y in rows * 3 / 10..rows / 2 {
            let is_lung = |x: &usize| lungs.mask[[z, y, *x]] != 0;
            // Columns ascend to the patient's left.
            let Some(border) = (columns / 2..columns).find(is_lung) else {
                continue;
            };
            for x in border..(border + pixels).min(columns) {
                if is_lung(&x) {
                    wide.hounsfield[[z, y, x]] = 40;
                }
            }
        }
    }
    wide
}

#[test]
fn a_wider_heart_is_a_larger_ratio_and_decides_nothing() {
    let volume = norm();
    let (before, after) = (measured(&volume), measured(&with_wide_heart(&volume, 30.0)));
    let chest_mm = 30.0 / (ratio(&after) - ratio(&before));
    assert!(
        (220.0..330.0).contains(&chest_mm),
        "30 mm are {:.3}",
        30.0 / chest_mm
    );
    let measure = of(&before, MeasureCode::CardiothoracicRatio);
    assert_eq!(measure.state, MeasureState::Within, "{measure:?}");
    assert!(before.has_looked_for(PathologyType::Cardiomegaly));
    assert!(!of(&after, MeasureCode::CardiothoracicRatio).decides);
}

#[test]
fn fluid_beside_the_heart_hides_its_border() {
    let drowned = measured(&phantom_volume(&PhantomOptions {
        effusion: true,
        ..fine()
    }));
    let measure = of(&drowned, MeasureCode::CardiothoracicRatio);
    assert_eq!(
        (measure.value, measure.why),
        (None, Some(NotMeasurable::Obscured))
    );
    assert!(!drowned.has_looked_for(PathologyType::Cardiomegaly));
}

#[test]
fn bone_is_as_dense_as_its_marrow_and_contrast_leaves_it_unmeasured() {
    let volume = norm();
    // The phantom's marrow has 190 HU.
    let before = bone_hu(&measured(&volume));
    assert!((before - 190.0).abs() < 15.0, "{before}");
    let mut porous = volume.clone();
    porous.hounsfield.mapv_inplace(|value| {
        if (130..300).contains(&value) {
            value - 80
        } else {
            value
        }
    });
    let porous = measured(&porous);
    assert!((before - 80.0 - bone_hu(&porous)).abs() < 15.0);
    assert_eq!(
        of(&porous, MeasureCode::TrabecularDensity).state,
        MeasureState::Outside
    );
    assert!(!porous.is_pathology(), "bone decides nothing");

    let enhanced = measured(&phantom_volume(&PhantomOptions {
        contrast: true,
        ..fine()
    }));
    let measure = of(&enhanced, MeasureCode::TrabecularDensity);
    assert_eq!(measure.why, Some(NotMeasurable::Contrast));
}

#[test]
fn another_protocol_moves_neither_far() {
    let volume = norm();
    let as_it_is = measured(&volume);
    for (protocol, other) in [
        ("5 mm", in_slabs(&volume, 5.0, 5.0, 0.0)),
        ("noise", noisy(&volume, 40.0)),
        ("sharpened", sharpened(&volume, 1.5)),
    ] {
        let other = measured(&other);
        let moved = ratio(&other) - ratio(&as_it_is);
        assert!(moved.abs() < 0.04, "{protocol}: {moved}");
        let moved_hu = bone_hu(&other) - bone_hu(&as_it_is);
        assert!(moved_hu.abs() < 31.0, "{protocol}: {moved_hu}");
    }
}
