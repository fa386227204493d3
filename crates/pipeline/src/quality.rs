//! Whether a series is a complete chest CT that a verdict may rest on.
//!
//! Every check states what it measured and its limit, passed or not. What is not a chest CT fails the
//! analysis; what is one, but not complete or not sound, leaves the verdict undetermined.

mod completeness;
mod coverage;
mod emptiness;
mod measurement;
mod orientation;
mod reading;

use ndarray::s;
use norma_domain::{QualityCheck, QualityConsequence, ReasonCode};
use norma_imaging::LoadedSeries;
use norma_volume::{LOWEST_FULL_CEILING_HU, LungSegmentation, Volume, low_ceiling_hu, measure_orientation};

pub use completeness::check_instances;

use QualityConsequence::{Failed, LimitsView, Note};
use coverage::check_coverage;
use emptiness::is_emptier_than_air;
use measurement::Measurement;
use reading::{check_order, check_patient, check_pictures, check_pixel_spacing, check_spacing, note_reading};

/// Less lung than this is no chest.
const LEAST_LUNG_ML: f64 = 100.0;
/// Lungs of an adult in inspiration hold several litres; severe restriction leaves about one.
const LEAST_LUNG_VOLUME_ML: f64 = 1_000.0;
/// The smaller lung's share of the volume; about 0.45 in health.
const LEAST_SMALLER_LUNG_SHARE: f64 = 0.15;
const LEAST_LUNG_SLICES: usize = 30;
/// The limit of the series choice as well; the hundredth forgives rounding in headers.
const LARGEST_THICKNESS_MM: f64 = 5.01;
/// Neighbours further apart than this many spacings have a slice missing between them.
const LARGEST_GAP_SPACINGS: f64 = 1.5;
const LARGEST_TILT_DEGREES: f64 = 5.0;
/// Fat lies at −100 HU, muscle at 50 HU, enhanced blood up to 200 HU.
const LARGEST_SOFT_TISSUE_LEVEL_HU: f64 = 150.0;

/// Checks a loaded series against everything that a complete chest CT has to be. The order is that of the
/// checks' weight: what fails the analysis comes first.
pub fn check_quality(series: &LoadedSeries, lungs: &LungSegmentation) -> Vec<QualityCheck> {
    let mut checks = vec![
        check_hounsfield(series, lungs),
        check_axial(series),
        check_lungs(lungs),
    ];
    checks.extend(check_anatomy(lungs));
    let coverage = check_coverage(series, lungs);
    let is_whole = coverage.iter().all(|check| check.passed);
    checks.extend(coverage);
    checks.extend(orientation::check_orientation(
        &measure_orientation(&series.volume, lungs),
        is_whole,
        !lungs.touches_first && !lungs.touches_last,
    ));
    checks.extend(check_slices(series, lungs));
    checks.push(check_pixel_spacing(series));
    checks.extend(check_patient(series));
    checks.extend(note_reading(series));
    checks.push(note_ceiling(&series.volume));
    checks.extend(notes(series));
    checks
}

fn check_hounsfield(series: &LoadedSeries, lungs: &LungSegmentation) -> QualityCheck {
    let level = soft_tissue_level(&series.volume);
    let mut measurement = Measurement::at_most(
        ReasonCode::NotHounsfield,
        level.map_or(f64::NAN, f64::abs),
        LARGEST_SOFT_TISSUE_LEVEL_HU,
        "HU",
    );
    measurement.measured = level;
    measurement.passed &= series.acquisition.has_hounsfield;
    let is_emptier =
        measurement.passed && lungs.total_ml() < LEAST_LUNG_ML && is_emptier_than_air(&series.volume);
    measurement.passed &= !is_emptier;
    measurement.or(
        Failed,
        "the values are Hounsfield units",
        if is_emptier {
            "the values are not Hounsfield units: where lungs would be lies less than air, so the slope is too steep or the \
             intercept too low"
        } else {
            "the values are not Hounsfield units, or soft tissue is not where it belongs on their scale"
        },
    )
}

/// The most frequent value between fat and enhanced blood, in steps of 10 HU, of every fourth voxel along each
/// axis. The window is wider than the limit, so that values on another scale show.
fn soft_tissue_level(volume: &Volume) -> Option<f64> {
    const LOW: i16 = -300;
    const STEP: i16 = 10;
    let mut counts = [0u32; 90];
    for &value in volume.hounsfield.slice(s![..;4, ..;4, ..;4]) {
        let bin = (i32::from(value) - i32::from(LOW)).div_euclid(i32::from(STEP));
        if let Some(count) = usize::try_from(bin).ok().and_then(|bin| counts.get_mut(bin)) {
            *count += 1;
        }
    }
    let (bin, &count) = counts.iter().enumerate().max_by_key(|&(_, count)| count)?;
    (count > 0).then(|| f64::from(LOW) + f64::from(STEP) * (bin as f64 + 0.5))
}

fn check_axial(series: &LoadedSeries) -> QualityCheck {
    Measurement::yes(ReasonCode::NotAxial, series.acquisition.is_axial).or(
        Failed,
        "the slices are axial",
        "the slices are not axial",
    )
}

fn check_lungs(lungs: &LungSegmentation) -> QualityCheck {
    Measurement::at_least(ReasonCode::NoLungs, lungs.total_ml(), LEAST_LUNG_ML, "ml").or(
        Failed,
        "lungs were found",
        "no lungs were found: this is no chest, or they hold no air",
    )
}

fn check_anatomy(lungs: &LungSegmentation) -> Vec<QualityCheck> {
    let smaller_share = lungs.right_ml.min(lungs.left_ml) / lungs.total_ml();
    vec![
        Measurement::at_least(
            ReasonCode::OneLung,
            smaller_share,
            LEAST_SMALLER_LUNG_SHARE,
            "fraction",
        )
        .or(LimitsView, "both lungs were found", "only one lung holds air"),
        Measurement::at_least(
            ReasonCode::LungVolumeLow,
            lungs.total_ml(),
            LEAST_LUNG_VOLUME_ML,
            "ml",
        )
        .or(
            LimitsView,
            "the lungs hold enough air to be read",
            "the lungs hold too little air to be read",
        ),
    ]
}

fn check_slices(series: &LoadedSeries, lungs: &LungSegmentation) -> Vec<QualityCheck> {
    let acquisition = &series.acquisition;
    let spacing_mm = series.volume.geometry.spacing_mm.z();
    let mut thickness_mm = series.study.slice_thickness_mm.unwrap_or(0.0).max(spacing_mm);
    if acquisition.missing_slices == 0 {
        thickness_mm = thickness_mm.max(acquisition.largest_gap_mm);
    }
    let lung_slices = lungs.extent.map_or(0, |[first, last]| last - first + 1);
    let mut gap = Measurement::at_most(
        ReasonCode::SliceGap,
        acquisition.largest_gap_mm,
        LARGEST_GAP_SPACINGS * spacing_mm,
        "mm",
    );
    gap.passed &= acquisition.missing_slices == 0;
    vec![
        Measurement::at_least(
            ReasonCode::TooFewSlices,
            lung_slices as f64,
            LEAST_LUNG_SLICES as f64,
            "slices",
        )
        .or(LimitsView, "enough slices show lung", "too few slices show lung"),
        Measurement::at_most(
            ReasonCode::SlicesTooThick,
            thickness_mm,
            LARGEST_THICKNESS_MM,
            "mm",
        )
        .or(
            LimitsView,
            "the slices are thin enough",
            "the slices are too thick or too far apart",
        ),
        gap.or(
            LimitsView,
            "no slice is missing",
            "slices are missing within the series",
        ),
        check_spacing(series),
        Measurement::at_most(
            ReasonCode::SlicesUndecodable,
            acquisition.undecodable_slices as f64,
            0.0,
            "slices",
        )
        .or(
            LimitsView,
            "every slice could be decoded",
            "some slices could not be decoded",
        ),
        check_pictures(series),
        check_order(series),
        Measurement::at_most(
            ReasonCode::GantryTilt,
            acquisition.gantry_tilt_degrees.abs(),
            LARGEST_TILT_DEGREES,
            "degrees",
        )
        .or(LimitsView, "the gantry is upright", "the gantry is tilted"),
    ]
}

/// Values that end below bone hide calcium, bone and how much contrast there is; lungs and soft tissue are right.
fn note_ceiling(volume: &Volume) -> QualityCheck {
    let ceiling = low_ceiling_hu(volume.hounsfield.view());
    let mut check = Measurement::yes(ReasonCode::ValuesClipped, ceiling.is_none());
    check.measured = ceiling.map(f64::from);
    check.limit = Some(f64::from(LOWEST_FULL_CEILING_HU));
    check.unit = "HU";
    check.or(
        Note,
        "the values reach bone",
        "the values were cut off above: calcium, bone and contrast cannot be measured",
    )
}

/// What is stated without touching the verdict. A file that could not be read and belongs to the series
/// leaves a gap or an incomplete coverage, which the checks above find.
fn notes(series: &LoadedSeries) -> Vec<QualityCheck> {
    let acquisition = &series.acquisition;
    vec![
        Measurement::yes(ReasonCode::ContrastAgent, !series.study.contrast_agent).or(
            Note,
            "no contrast agent is stated",
            "a contrast agent was given",
        ),
        Measurement::at_most(
            ReasonCode::InconsistentSeries,
            acquisition.duplicates_removed as f64,
            0.0,
            "slices",
        )
        .or(
            Note,
            "no slice comes twice",
            "slices in the same place were left out",
        ),
        Measurement::at_most(
            ReasonCode::UnreadableDicom,
            acquisition.unreadable_files as f64,
            0.0,
            "files",
        )
        .or(
            Note,
            "every image file of the upload could be read",
            "files of the upload could not be read",
        ),
    ]
}

#[cfg(test)]
mod tests;
