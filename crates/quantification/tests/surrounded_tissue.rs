//! Tissue without air amid a lung is an opacity, as large as it is; on the dome of the diaphragm it is none by this measure.

use norma_domain::{LungSide, MeasureCode, MeasureState, PathologyType};
use norma_phantom::{PhantomOptions, phantom_volume};
use norma_quantification::quantify;
use norma_volume::{LEFT_LUNG, RIGHT_LUNG, Volume, segment_lungs};

const CONSOLIDATION_HU: i16 = 35;
/// Above the hilum, where nothing but lung lies around the middle of a lung.
const LIFTED_MM: f64 = 40.0;

fn norm() -> Volume {
    phantom_volume(&PhantomOptions {
        size: 400,
        ..PhantomOptions::default()
    })
}

/// A ball of tissue above the middle of the lung on one side; gives its millilitres.
fn consolidated(volume: &Volume, label: u8, radius_mm: f64) -> (Volume, f64) {
    let lungs = segment_lungs(volume);
    let mut middle = [0.0; 3];
    let mut count = 0.0;
    for (at, _) in lungs.mask.indexed_iter().filter(|(_, of)| **of == label) {
        for (sum, index) in middle.iter_mut().zip([at.0, at.1, at.2]) {
            *sum += index as f64;
        }
        count += 1.0;
    }
    let spacing_mm = volume.geometry.spacing_mm.zyx();
    let middle = middle.map(|sum| sum / count);
    let lifted = [middle[0] + LIFTED_MM / spacing_mm[0], middle[1], middle[2]];
    let mut changed = volume.clone();
    let mut voxels = 0.0;
    for ((z, y, x), value) in changed.hounsfield.indexed_iter_mut() {
        let apart: f64 = [z, y, x]
            .iter()
            .zip(lifted)
            .zip(spacing_mm)
            .map(|((index, center), mm)| ((*index as f64 - center) * mm).powi(2))
            .sum();
        if apart.sqrt() <= radius_mm {
            *value = CONSOLIDATION_HU;
            voxels += 1.0;
        }
    }
    (changed, voxels * spacing_mm.iter().product::<f64>() / 1000.0)
}

#[test]
fn what_lung_surrounds_is_an_opacity_of_its_size() {
    let norm = norm();
    for (label, side, by_side) in [(RIGHT_LUNG, LungSide::Right, 0), (LEFT_LUNG, LungSide::Left, 1)] {
        let (volume, drawn_ml) = consolidated(&norm, label, 21.0);
        let (found, findings) = quantify(&volume, &segment_lungs(&volume), None);
        let measure = found
            .measure(MeasureCode::LargestOpacity)
            .expect("it is always listed");
        assert_eq!(measure.state, MeasureState::Outside, "{measure:?}");
        let value = measure.by_side.expect("by side")[by_side];
        assert!(
            (0.6..1.25).contains(&(value / drawn_ml)),
            "{value} of {drawn_ml} ml"
        );
        assert!(found.is_pathology());
        let largest = &findings.first().expect("it is a finding").finding;
        assert_eq!(
            (largest.pathology, largest.side),
            (PathologyType::LungOpacity, side)
        );
    }
}

#[test]
fn a_hilum_and_small_nodules_stay_within() {
    let norm = norm();
    let measured = |volume: &Volume| {
        let (found, _) = quantify(volume, &segment_lungs(volume), None);
        found
            .measure(MeasureCode::LargestOpacity)
            .expect("it is always listed")
            .clone()
    };
    let before = measured(&norm);
    assert_eq!(before.state, MeasureState::Within, "{before:?}");
    let (volume, _) = consolidated(&norm, RIGHT_LUNG, 8.0);
    assert_eq!(measured(&volume).state, MeasureState::Within);
}
