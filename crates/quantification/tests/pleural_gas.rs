//! Gas in the pleural space of phantoms: none in a norm chest, a pneumothorax on its side and about as large as it is.

use norma_domain::{LungSide, Measure, MeasureCode, MeasureState, PathologyType, Quantification};
use norma_phantom::{PhantomOptions, phantom_volume};
use norma_quantification::quantify;
use norma_volume::{Volume, segment_lungs};

fn fine(seed: u64) -> PhantomOptions {
    PhantomOptions {
        seed,
        size: 256,
        slices: 120,
        ..PhantomOptions::default()
    }
}

fn measured(volume: &Volume) -> Quantification {
    let (mut quantification, found) = quantify(volume, &segment_lungs(volume), None);
    for found in found {
        // The mask holds what was measured, on its side, up to the grid's coarseness.
        let mask = found.mask.expect("a small volume");
        let volume_ml = mask.voxels() as f64 * volume.geometry.spacing_mm.voxel_volume_mm3() / 1000.0;
        let measured_ml = found.finding.volume_ml;
        assert!(
            (volume_ml / measured_ml - 1.0).abs() < 0.03,
            "{volume_ml} ml of {measured_ml} ml"
        );
        let [_, _, columns] = volume.geometry.shape;
        let held = mask.runs().iter().map(|run| run.first as usize);
        let hounsfield = volume.hounsfield.as_slice().expect("contiguous");
        let air = held.clone().filter(|first| hounsfield[*first] < -850).count();
        if found.finding.pathology == PathologyType::Pneumothorax {
            assert!(air * 10 > mask.runs().len() * 9, "gas is where gas is");
            assert!(
                held.clone().all(|first| first % columns >= columns / 2),
                "on the left"
            );
        }
        quantification.findings.push(found.finding);
    }
    quantification
}

fn gas(quantification: &Quantification) -> &Measure {
    quantification
        .measure(MeasureCode::PleuralGas)
        .expect("it is always listed")
}

/// Millilitres that hold air in `with` and lung in `without`.
fn gas_ml(with: &Volume, without: &Volume) -> f64 {
    let became_gas = with
        .hounsfield
        .iter()
        .zip(&without.hounsfield)
        .filter(|(with, without)| **with < -940 && **without - **with > 60)
        .count();
    became_gas as f64 * with.geometry.spacing_mm.voxel_volume_mm3() / 1000.0
}

#[test]
fn a_pneumothorax_is_measured_on_its_side_and_a_norm_holds_no_gas() {
    for seed in [1, 7] {
        let norm = phantom_volume(&fine(seed));
        let of_norm = measured(&norm);
        assert_eq!(gas(&of_norm).by_side, Some([0.0, 0.0]), "seed {seed}");
        assert_eq!(gas(&of_norm).state, MeasureState::Within);
        assert!(of_norm.has_looked_for(PathologyType::Pneumothorax));

        let sick = phantom_volume(&PhantomOptions {
            pneumothorax: true,
            ..fine(seed)
        });
        let of_sick = measured(&sick);
        let truth = gas_ml(&sick, &norm);
        let [right, left] = gas(&of_sick).by_side.expect("gas has sides");
        assert_eq!(right, 0.0, "seed {seed}");
        assert!(
            (left / truth - 1.0).abs() < 0.25,
            "seed {seed}: {left} ml of {truth} ml"
        );
        assert_eq!(gas(&of_sick).state, MeasureState::Outside);
        let finding = of_sick
            .findings
            .iter()
            .find(|finding| finding.pathology == PathologyType::Pneumothorax)
            .expect("a pneumothorax is a finding");
        assert_eq!((finding.side, finding.decides), (LungSide::Left, true));
        assert!(finding.mean_hu < -960.0, "{}", finding.mean_hu);

        // The gas is no lung: neither emphysema nor volume.
        let value = |of: &Quantification, code| {
            of.measure(code)
                .and_then(|measure| measure.value)
                .expect("measurable")
        };
        assert!(value(&of_sick, MeasureCode::LowAttenuation950) < 0.06);
        let lost = value(&of_norm, MeasureCode::LungVolume) - value(&of_sick, MeasureCode::LungVolume);
        assert!((lost - left).abs() < 0.2 * left, "seed {seed}: {lost} ml");
    }
}
