//! Phantoms in slices of 5 mm and with noise: a norm stays one, an opacity is found and as large as it is, and what the protocol may
//! have moved over its limit is not measurable.

mod protocols;

use norma_domain::{Measure, MeasureCode, MeasureState, NotMeasurable, PathologyType, Quantification};
use norma_phantom::{PhantomOptions, phantom_volume};
use norma_quantification::quantify;
use norma_volume::{LungSegmentation, RIGHT_LUNG, Volume, segment_lungs};
use protocols::{in_slabs, noisy};

const GROUND_GLASS_HU: i16 = -500;

/// 120 slices of 2.5 mm; `size` pixels are 400 mm.
fn phantom(seed: u64, size: usize) -> Volume {
    phantom_volume(&PhantomOptions {
        seed,
        size,
        ..PhantomOptions::default()
    })
}

fn measured(volume: &Volume, thickness_mm: Option<f64>) -> Quantification {
    let (mut quantification, found) = quantify(volume, &segment_lungs(volume), thickness_mm);
    quantification.findings = found.into_iter().map(|found| found.finding).collect();
    quantification
}

fn of(quantification: &Quantification, code: MeasureCode) -> &Measure {
    quantification.measure(code).expect("it is always listed")
}

fn millilitres_of_ball(radius_mm: f64) -> f64 {
    4.0 / 3.0 * std::f64::consts::PI * radius_mm.powi(3) / 1000.0
}

/// Square of the distance of two voxels in millimetres.
fn apart_mm2(volume: &Volume, one: [f64; 3], other: [usize; 3]) -> f64 {
    let spacing = volume.geometry.spacing_mm.zyx();
    (0..3)
        .map(|axis| ((one[axis] - other[axis] as f64) * spacing[axis]).powi(2))
        .sum()
}

/// The middle of the right lung.
fn middle_of_right(lungs: &LungSegmentation) -> [f64; 3] {
    let mut sum = [0.0; 3];
    let mut count = 0.0;
    for ((z, y, x), &label) in lungs.mask.indexed_iter() {
        if label == RIGHT_LUNG {
            count += 1.0;
            for (sum, at) in sum.iter_mut().zip([z, y, x]) {
                *sum += at as f64;
            }
        }
    }
    sum.map(|sum| sum / count)
}

/// So far from it to the side, away from the hilum.
const ASIDE_MM: f64 = 22.0;

fn place_of_ball(volume: &Volume, lungs: &LungSegmentation) -> [f64; 3] {
    let [z, y, x] = middle_of_right(lungs);
    // The patient's right is at the low columns.
    [z, y, x - ASIDE_MM / volume.geometry.spacing_mm.x()]
}

/// A ball of ground glass in the right lung; vessels run through it.
fn with_ground_glass(volume: &Volume, radius_mm: f64) -> Volume {
    let lungs = segment_lungs(volume);
    let middle = place_of_ball(volume, &lungs);
    let mut sick = volume.clone();
    let (mut within, mut outside) = (0, 0);
    for ((z, y, x), value) in sick.hounsfield.indexed_iter_mut() {
        if apart_mm2(volume, middle, [z, y, x]) <= radius_mm * radius_mm {
            let is_lung = lungs.mask[[z, y, x]] == RIGHT_LUNG;
            within += usize::from(is_lung);
            outside += usize::from(!is_lung);
            *value = (*value).max(GROUND_GLASS_HU);
        }
    }
    assert!(
        outside * 50 < within,
        "the ball lies in the lung: {outside} of {within}"
    );
    sick
}

#[test]
fn a_norm_in_slices_of_5_mm_is_measured_and_not_outside() {
    for seed in [1, 7] {
        let thin = phantom(seed, 512);
        for first_mm in [0.0, 2.5] {
            let of_thick = measured(&in_slabs(&thin, 5.0, 5.0, first_mm), None);
            for code in [
                MeasureCode::LargestOpacity,
                MeasureCode::LowAttenuation950,
                MeasureCode::PleuralFluid,
                MeasureCode::PleuralGas,
            ] {
                let measure = of(&of_thick, code);
                let is_norm = matches!(measure.state, MeasureState::Within | MeasureState::Borderline);
                assert!(is_norm, "seed {seed}: {measure:?}");
            }
            assert!(of_thick.has_looked_for(PathologyType::LungOpacity));
            assert!(!of_thick.is_pathology());
        }
    }
}

#[test]
fn coarse_pixels_in_thick_slices_show_what_is_large_only() {
    for seed in [1, 7] {
        let thin = phantom(seed, 256);
        for first_mm in [0.0, 2.5] {
            let of_thick = measured(&in_slabs(&thin, 5.0, 5.0, first_mm), None);
            let opacity = of(&of_thick, MeasureCode::LargestOpacity);
            assert_eq!(opacity.state, MeasureState::NotMeasurable, "{opacity:?}");
            assert_eq!(opacity.why, Some(NotMeasurable::SlicesTooThick));
            assert!(!of_thick.is_pathology());
        }
    }
    // 58 ml are more than hila make of them.
    let sick = with_ground_glass(&phantom(1, 256), 24.0);
    let of_sick = measured(&in_slabs(&sick, 5.0, 5.0, 0.0), None);
    assert_eq!(
        of(&of_sick, MeasureCode::LargestOpacity).state,
        MeasureState::Outside
    );
}

#[test]
fn an_opacity_is_as_large_in_slices_of_5_mm() {
    let radius_mm = 21.0;
    let truth = millilitres_of_ball(radius_mm);
    let thin = with_ground_glass(&phantom(1, 512), radius_mm);
    let thick = [(5.0, 0.0), (5.0, 2.5), (2.5, 0.0)];
    let studies = thick.map(|(apart_mm, first_mm)| (in_slabs(&thin, 5.0, apart_mm, first_mm), Some(5.0)));
    for (volume, thickness_mm) in std::iter::once(&(thin, None)).chain(&studies) {
        let measured = measured(volume, *thickness_mm);
        let opacity = of(&measured, MeasureCode::LargestOpacity);
        let value = opacity.value.expect("measurable");
        assert!((value / truth - 1.0).abs() < 0.25, "{value} ml of {truth} ml");
        assert_eq!(opacity.state, MeasureState::Outside, "{thickness_mm:?}");
        let largest = &measured.findings[0];
        assert_eq!(largest.pathology, PathologyType::LungOpacity);
        assert!(largest.decides, "{largest:?}");
    }
}

#[test]
fn an_opacity_that_thick_slices_may_have_made_is_not_measurable() {
    // 20 ml: over the limit of 15, and less than the 10 more that vessels fill in slices of 5 mm.
    let thin = with_ground_glass(&phantom(1, 512), 16.8);
    let of_thin = measured(&thin, None);
    assert_eq!(
        of(&of_thin, MeasureCode::LargestOpacity).state,
        MeasureState::Outside
    );
    // Slices of 5 mm are thick as well where they overlap.
    for (apart_mm, thickness_mm) in [(5.0, None), (2.5, Some(5.0))] {
        let of_thick = measured(&in_slabs(&thin, 5.0, apart_mm, 0.0), thickness_mm);
        let opacity = of(&of_thick, MeasureCode::LargestOpacity);
        assert_eq!(opacity.state, MeasureState::NotMeasurable, "{opacity:?}");
        assert_eq!(opacity.why, Some(NotMeasurable::SlicesTooThick));
        assert!(opacity.value.is_some_and(|value| (15.0..25.0).contains(&value)));
        assert!(!of_thick.is_pathology(), "and no pathology by it alone");
        assert!(of_thick.findings.iter().all(|finding| !finding.decides));
    }
}

#[test]
fn slices_that_average_over_more_than_5_mm_are_not_measured() {
    let of_thicker = measured(&in_slabs(&phantom(1, 256), 7.5, 2.5, 0.0), Some(7.5));
    for measure in &of_thicker.measures {
        assert_eq!(
            (measure.state, measure.why),
            (MeasureState::NotMeasurable, Some(NotMeasurable::SlicesTooThick)),
            "{:?}",
            measure.code
        );
    }
}

/// The phantom with all of its lungs at one density.
fn with_lungs_at(hounsfield: i16) -> Volume {
    let mut volume = phantom(1, 256);
    let lungs = segment_lungs(&volume);
    volume.hounsfield.zip_mut_with(&lungs.mask, |value, &label| {
        if label != 0 {
            *value = hounsfield;
        }
    });
    volume
}

#[test]
fn low_attenuation_that_noise_may_have_made_is_not_measurable() {
    let low = |volume: &Volume| of(&measured(volume, None), MeasureCode::LowAttenuation950).clone();
    let healthy = with_lungs_at(-925);
    assert_eq!(low(&healthy).state, MeasureState::Within);

    let of_noisy = low(&noisy(&healthy, 60.0));
    assert!(
        of_noisy.value > Some(0.14),
        "noise alone is over the limit: {of_noisy:?}"
    );
    assert_eq!(
        (of_noisy.state, of_noisy.why),
        (MeasureState::NotMeasurable, Some(NotMeasurable::Noise))
    );

    // What lies below the limit without the noise is found with it.
    let emphysema = with_lungs_at(-965);
    assert_eq!(low(&noisy(&emphysema, 60.0)).state, MeasureState::Outside);
}
