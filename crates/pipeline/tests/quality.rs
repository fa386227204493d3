//! The quality checks on phantoms that were written as DICOM and read back, and on the real series.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop and may print"
)]

use std::path::Path;

use ndarray::{Axis, s};
use norma_domain::{QualityCheck, QualityConsequence, ReasonCode, SpacingMm};
use norma_imaging::{Limits, list_studies, load_chest_series};
use norma_pipeline::check_quality;
use norma_test_support::{Lungs, PhantomOptions, TransferSyntax, real_data, write_phantom_series};
use norma_volume::{Volume, segment_lungs};

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
fn a_field_of_view_that_cuts_the_lungs_is_no_whole_chest() {
    let folder = tempfile::tempdir().unwrap();
    write_phantom_series(&PhantomOptions::small(), folder.path()).unwrap();
    let limits = Limits::default();
    let studies = list_studies(folder.path(), &limits).unwrap();
    let mut series = load_chest_series(&studies[0], &limits).unwrap();
    let lungs = segment_lungs(&series.volume);
    let (_, rows, columns) = lungs.mask.dim();
    let first = (0..columns)
        .position(|x| lungs.mask.index_axis(Axis(2), x).iter().any(|&value| value != 0))
        .unwrap();
    let whole = series.volume.clone();
    for (beyond, cut) in [(4, false), (-8, true)] {
        let from = first.checked_add_signed(-beyond).unwrap();
        let part = whole
            .hounsfield
            .slice(s![.., ..rows, from..columns - from])
            .to_owned();
        let mut geometry = whole.geometry.clone();
        geometry.shape = part.dim().into();
        series.volume = Volume::new(part, geometry).unwrap();
        let checks = check_quality(&series, &segment_lungs(&series.volume));
        let expected = (ReasonCode::CoverageIncomplete, QualityConsequence::LimitsView);
        assert_eq!(
            doubts(&checks).contains(&expected),
            cut,
            "{beyond}: {:?}",
            doubts(&checks)
        );
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
        let limits = Limits::default();
        let upload = data.join("series").join(format!("{name}.zip"));
        let studies = list_studies(&upload, &limits).unwrap();
        let mut series = load_chest_series(&studies[0], &limits).unwrap();
        let lungs = segment_lungs(&series.volume);
        assert_eq!(doubts(&check_quality(&series, &lungs)), [], "{name}");

        // The same slices under a header that says another distance.
        let [z, y, x] = series.volume.geometry.spacing_mm.zyx();
        for (times, is_seen) in [(0.65, true), (1.15, false), (1.45, true)] {
            if times < 1.0 && name.starts_with("lidc") {
                // No distance stands out there.
                continue;
            }
            series.volume.geometry.spacing_mm = SpacingMm::new(z * times, y, x).unwrap();
            let doubtful = check_quality(&series, &lungs).into_iter().any(|check| {
                check.code == ReasonCode::OrientationDoubtful && check.unit == "mm" && !check.passed
            });
            assert_eq!(doubtful, is_seen, "{name} × {times}");
        }
    }
}
