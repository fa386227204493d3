//! Checks of how the images were written and whom they show.

use norma_domain::{QualityCheck, QualityConsequence, ReasonCode};
use norma_imaging::{LoadedSeries, OrderDoubt};

use super::measurement::Measurement;
use QualityConsequence::{LimitsView, Note, Undetermined};

/// The models' slices are 224 pixels wide over some 350 mm of chest, 1.6 mm a pixel. What is stored more coarsely
/// than this has less than they were trained on (a limit chosen, not yet measured).
const COARSEST_PIXEL_MM: f64 = 2.0;
const LEAST_AGE_YEARS: f64 = 18.0;
const LARGEST_SPACING_VARIATION: f64 = 0.1;
/// Beyond this the distances are not those of one acquisition, whatever they are resampled to.
const LARGEST_RESAMPLED_VARIATION: f64 = 0.5;

pub(super) fn check_spacing(series: &LoadedSeries) -> QualityCheck {
    let variation = series.acquisition.spacing_variation;
    let consequence = if variation <= LARGEST_RESAMPLED_VARIATION {
        Note
    } else {
        Undetermined
    };
    Measurement::at_most(
        ReasonCode::SpacingVaries,
        variation,
        LARGEST_SPACING_VARIATION,
        "fraction",
    )
    .or(
        consequence,
        "the slices are evenly spaced",
        if series.acquisition.missing_slices == 0 {
            "the distance between slices varies: they were resampled to an even one"
        } else {
            "slices are missing, and the distance between the others varies: they were left where they lie"
        },
    )
}

pub(super) fn check_pictures(series: &LoadedSeries) -> QualityCheck {
    Measurement::at_most(
        ReasonCode::SlicesDamaged,
        series.acquisition.damaged_slices as f64,
        0.0,
        "slices",
    )
    .or(
        LimitsView,
        "every slice shows what was scanned in its place",
        "some slices are blank, cut off, copies of others or pictures from elsewhere, and were left out",
    )
}

/// What is no whole scan in its order is no volume that a verdict may rest on, whatever is seen in it.
pub(super) fn check_order(series: &LoadedSeries) -> QualityCheck {
    let doubt = series.acquisition.order_doubt;
    let otherwise = match doubt {
        Some(OrderDoubt::OtherOrder) | None => {
            "the pictures go on in another order than the slices lie in: slices are exchanged, turned round or moved"
        }
        Some(OrderDoubt::ByTurns) => {
            "the pictures are of two scans or breaths that lie between each other; send each as a series of its own"
        }
        Some(OrderDoubt::Seam) => {
            "the pictures do not go on at one place: the slices are of two scans, one after the other, or slices are missing"
        }
        Some(OrderDoubt::ManyForeign) => {
            "more than a quarter of the slices are copies of others or pictures from elsewhere"
        }
    };
    Measurement::yes(ReasonCode::SliceOrderDoubtful, doubt.is_none()).or(
        Undetermined,
        "the pictures go on from slice to slice",
        otherwise,
    )
}

pub(super) fn check_pixel_spacing(series: &LoadedSeries) -> QualityCheck {
    let [rows, columns] = series.acquisition.stored_pixel_spacing_mm;
    Measurement::at_most(
        ReasonCode::PixelSpacingCoarse,
        rows.max(columns),
        COARSEST_PIXEL_MM,
        "mm",
    )
    .or(
        Undetermined,
        "the pixels are fine enough",
        "the pixels are coarser than what the models were trained on; send the series as it was reconstructed",
    )
}

/// The limits of the other checks and the models are those of adults.
pub(super) fn check_patient(series: &LoadedSeries) -> Vec<QualityCheck> {
    let age = series.study.patient_age_years.map(f64::from);
    let mut adult = Measurement::at_least(
        ReasonCode::PatientNotAdult,
        age.unwrap_or(f64::NAN),
        LEAST_AGE_YEARS,
        "years",
    );
    adult.passed |= age.is_none();
    vec![
        adult.or(
            Undetermined,
            "nothing says that the patient is under 18",
            "the age or the date of birth says that the patient is under 18: limits and models are for adults",
        ),
        Measurement::yes(ReasonCode::PatientAgeUnknown, age.is_some()).or(
            Note,
            "the patient's age is known",
            "the patient's age is not stated; the answer holds for adults",
        ),
    ]
}

pub(super) fn note_reading(series: &LoadedSeries) -> Vec<QualityCheck> {
    let acquisition = &series.acquisition;
    vec![
        Measurement::at_most(
            ReasonCode::SeriesPartlyRead,
            acquisition.unread_between as f64,
            0.0,
            "slices",
        )
        .or(
            Note,
            "every slice of the series was read",
            "the series holds slices of several kernels or phases: those of one were read, the slices between them were \
             not",
        ),
        Measurement::at_most(
            ReasonCode::UidInvalid,
            acquisition.invalid_uids as f64,
            0.0,
            "files",
        )
        .or(
            Note,
            "study, series and images are named by valid UIDs",
            "study, series or images are named by something that is no valid UID, or several images by the same one",
        ),
        Measurement::at_most(
            ReasonCode::PixelsContradictHeader,
            acquisition.corrected_slices as f64,
            0.0,
            "slices",
        )
        .or(
            Note,
            "the values are stored as the header says",
            "values that cannot be measurements were read otherwise than the header says",
        ),
    ]
}
