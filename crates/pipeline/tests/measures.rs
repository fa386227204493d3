//! What is measured of the real series, against what is known of them.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop and may print"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use norma_domain::{LungSide, MeasureCode, MeasureState, PathologyType, Quantification};
use norma_imaging::{Limits, list_studies, load_chest_series};
use norma_quantification::quantify;
use norma_test_support::real_data;
use norma_volume::segment_lungs;

fn measure(path: &Path) -> Quantification {
    let limits = Limits::default();
    let studies = list_studies(path, &limits).unwrap();
    let series = load_chest_series(&studies[0], &limits).unwrap();
    let lungs = segment_lungs(&series.volume);
    let started = std::time::Instant::now();
    let (mut quantification, found) = quantify(&series.volume, &lungs, series.study.slice_thickness_mm);
    let findings = found.into_iter().map(|found| found.finding);
    quantification.findings.extend(findings);
    println!(
        "{} in {:?}",
        path.file_name().unwrap().to_string_lossy(),
        started.elapsed()
    );
    for measure in &quantification.measures {
        println!(
            "  {:?} {:?} {} {:?} {:?} {:?} {:?}",
            measure.code,
            measure.value,
            measure.unit,
            measure.state,
            measure.why,
            measure.by_side,
            measure.by_third
        );
    }
    for finding in &quantification.findings {
        println!("  {finding:?}");
    }
    quantification
}

fn volumes(data: &Path, folder: &Path) -> Vec<PathBuf> {
    let archive = data.join("volumes.tar.xz");
    let status = Command::new("tar")
        .arg("-xJf")
        .arg(archive)
        .arg("-C")
        .arg(folder)
        .status()
        .unwrap();
    assert!(status.success());
    [
        "covid-ct-md_cap001",
        "nsclc-radiomics_LUNG1-001",
        "nsclc-radiomics_LUNG1-024",
    ]
    .map(|name| folder.join(format!("volumes/{name}.nii")))
    .to_vec()
}

/// None of the series at hand has a pneumothorax.
fn assert_no_gas(quantification: &Quantification) {
    let gas = quantification.measure(MeasureCode::PleuralGas).unwrap();
    assert_eq!(gas.by_side, Some([0.0, 0.0]));
    assert_eq!(gas.state, MeasureState::Within);
}

fn value(quantification: &Quantification, code: MeasureCode) -> f64 {
    quantification.measure(code).unwrap().value.unwrap()
}

#[test]
fn a_norm_is_within_and_pneumonia_is_not() {
    let Some(data) = real_data() else { return };
    let series = |name: &str| measure(&data.join(format!("series/{name}.zip")));

    let norm = series("covid-ct-md_normal001");
    let outside: Vec<MeasureCode> = norm.deciding().map(|measure| measure.code).collect();
    assert_eq!(outside, []);
    assert!(value(&norm, MeasureCode::LargestOpacity) < 10.0);
    assert!(value(&norm, MeasureCode::PleuralFluid) < 5.0);

    let pneumonia = series("covid-ct-md_covid-P001");
    assert!(value(&pneumonia, MeasureCode::LargestOpacity) > 20.0);
    let largest = &pneumonia.findings[0];
    assert_eq!(
        (largest.pathology, largest.side),
        (PathologyType::LungOpacity, LungSide::Right)
    );
    assert!((26..=60).contains(&largest.key_slice), "{largest:?}");
    assert!(value(&pneumonia, MeasureCode::PleuralFluid) < 5.0);

    let mass = series("lidc-idri-0001_mass");
    for measured in [&norm, &pneumonia, &mass] {
        assert_no_gas(measured);
    }
    assert!(value(&mass, MeasureCode::BloodPool) > 150.0);
    assert!(value(&norm, MeasureCode::BloodPool) < 60.0);
    assert!(value(&mass, MeasureCode::PleuralFluid) < 5.0);

    // By a second program (axial slices, looked at), where the heart is widest: 0.40, 0.34 and 0.44 of the chest.
    for (measured, by_hand) in [(&norm, 0.40), (&pneumonia, 0.34), (&mass, 0.44)] {
        let ratio = value(measured, MeasureCode::CardiothoracicRatio);
        assert!((ratio - by_hand).abs() < 0.03, "{ratio} of {by_hand}");
    }
    let bone = |measured: &Quantification| measured.measure(MeasureCode::TrabecularDensity).unwrap().state;
    assert_eq!(bone(&norm), MeasureState::Within);
    assert_eq!(bone(&mass), MeasureState::NotMeasurable, "contrast");
}

#[test]
fn pleural_fluid_is_found_where_the_reader_found_it() {
    let Some(data) = real_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let paths = volumes(&data, folder.path());
    let pneumonia = measure(&paths[0]);
    assert_no_gas(&pneumonia);
    assert_eq!(
        pneumonia.measure(MeasureCode::LargestOpacity).unwrap().state,
        MeasureState::Outside
    );
    let effusions = [measure(&paths[1]), measure(&paths[2])];
    effusions.iter().for_each(assert_no_gas);
    // What the reader's masks hold on the patient's right and left, what of it may be missing or too much, and nothing where
    // there is none. Of the 99 ml, a layer of a few millimetres, two fifths are averaged with lung and chest wall.
    let known = [[(0.0, 5.0), (191.5, 48.0)], [(99.3, 45.0), (680.2, 100.0)]];
    for (measured, known) in effusions.iter().zip(known) {
        let fluid = measured.measure(MeasureCode::PleuralFluid).unwrap();
        let by_side = fluid.by_side.unwrap();
        println!("  {by_side:.0?} ml, the reader {known:.0?} ml");
        for (value, (known, allowed)) in by_side.into_iter().zip(known) {
            assert!((value - known).abs() <= allowed, "{value} ml of {known} ml");
        }
    }
}
