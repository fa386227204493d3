//! The quality checks on phantoms that were written as DICOM and read back, and on the real series.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop and may print"
)]

use std::path::Path;

use norma_domain::{QualityCheck, QualityConsequence, ReasonCode};
use norma_imaging::{Limits, list_studies, load_chest_series};
use norma_pipeline::check_quality;
use norma_test_support::{Lungs, PhantomOptions, TransferSyntax, real_data, write_phantom_series};
use norma_volume::segment_lungs;

fn checks_of(upload: &Path) -> Vec<QualityCheck> {
    let limits = Limits::default();
    let studies = list_studies(upload, &limits).unwrap();
    let series = load_chest_series(&studies[0], &limits).unwrap();
    check_quality(&series, &segment_lungs(&series.volume))
}

/// Codes of the checks that touch the verdict.
fn doubts(checks: &[QualityCheck]) -> Vec<(ReasonCode, QualityConsequence)> {
    let doubtful = |check: &&QualityCheck| !check.passed && check.consequence != QualityConsequence::Note;
    checks
        .iter()
        .filter(doubtful)
        .map(|check| (check.code, check.consequence))
        .collect()
}

fn doubts_of_phantom(options: &PhantomOptions) -> Vec<(ReasonCode, QualityConsequence)> {
    let folder = tempfile::tempdir().unwrap();
    write_phantom_series(options, folder.path()).unwrap();
    doubts(&checks_of(folder.path()))
}

#[test]
fn a_norm_phantom_passes_in_every_transfer_syntax() {
    for transfer_syntax in TransferSyntax::ALL {
        let options = PhantomOptions {
            transfer_syntax,
            ..PhantomOptions::small()
        };
        assert_eq!(doubts_of_phantom(&options), [], "{transfer_syntax:?}");
    }
}

#[test]
fn contrast_is_noted_only() {
    let folder = tempfile::tempdir().unwrap();
    let options = PhantomOptions {
        contrast: true,
        ..PhantomOptions::small()
    };
    write_phantom_series(&options, folder.path()).unwrap();
    let checks = checks_of(folder.path());
    assert_eq!(doubts(&checks), []);
    assert!(
        checks
            .iter()
            .any(|check| check.code == ReasonCode::ContrastAgent && !check.passed)
    );
}

#[test]
fn what_is_no_complete_chest_is_never_passed() {
    use QualityConsequence::{Failed, LimitsView};
    let changed = |change: &dyn Fn(&mut PhantomOptions)| {
        let mut options = PhantomOptions::small();
        change(&mut options);
        options
    };
    let cases = [
        (
            changed(&|phantom| phantom.lungs = Lungs::None),
            ReasonCode::NoLungs,
            Failed,
        ),
        (
            changed(&|phantom| phantom.lungs = Lungs::Left),
            ReasonCode::OneLung,
            LimitsView,
        ),
        (
            changed(&|phantom| phantom.missing_slices = vec![20, 21]),
            ReasonCode::SliceGap,
            LimitsView,
        ),
        (
            changed(&|phantom| phantom.tilt_degrees = 15.0),
            ReasonCode::GantryTilt,
            LimitsView,
        ),
        // Cut off in the upper, in the lower half.
        (
            changed(&|phantom| phantom.slices = 40),
            ReasonCode::CoverageIncomplete,
            LimitsView,
        ),
        (
            changed(&|phantom| phantom.missing_slices = (0..25).collect()),
            ReasonCode::CoverageIncomplete,
            LimitsView,
        ),
        // Every other slice of 5 mm.
        (
            changed(&|phantom| phantom.missing_slices = (0..30).map(|slice| 2 * slice + 1).collect()),
            ReasonCode::SlicesTooThick,
            LimitsView,
        ),
    ];
    for (options, code, consequence) in cases {
        let doubts = doubts_of_phantom(&options);
        assert!(doubts.contains(&(code, consequence)), "{code}: {doubts:?}");
    }
}

#[test]
fn the_real_series_pass() {
    let Some(data) = real_data() else { return };
    for name in [
        "covid-ct-md_normal001",
        "covid-ct-md_covid-P001",
        "lidc-idri-0001_mass",
    ] {
        let checks = checks_of(&data.join("series").join(format!("{name}.zip")));
        assert_eq!(doubts(&checks), [], "{name}");
    }
}
