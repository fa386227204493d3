//! Why something is not a plain answer. Codes are stable: clients and alerts may rely on them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! reason_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// A stable code of a failure, a rejection or a doubt.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum ReasonCode {
            $(
                $(#[$doc])*
                #[serde(rename = $code)]
                #[cfg_attr(feature = "openapi", schema(rename = $code))]
                $name,
            )*
        }

        impl ReasonCode {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

impl ReasonCode {
    /// Whether an analysis that failed so may succeed when the same study is analysed again: nothing of the study was the cause.
    pub const fn may_pass(self) -> bool {
        matches!(
            self,
            Self::ModelMissing
                | Self::ModelInvalid
                | Self::InferenceFailed
                | Self::StageTimeout
                | Self::DeliveryLimitExceeded
                | Self::DeadlineExceeded
                | Self::ObjectMissing
                | Self::Internal
        )
    }
}

reason_codes! {
    // The input cannot be read.
    EmptyUpload = "empty_upload",
    UnreadableArchive = "unreadable_archive",
    EncryptedArchive = "encrypted_archive",
    /// Entries, uncompressed size, ratio or nesting of an archive.
    ArchiveLimitExceeded = "archive_limit_exceeded",
    NoImagesFound = "no_images_found",
    UnreadableDicom = "unreadable_dicom",
    UnreadableNifti = "unreadable_nifti",
    UnsupportedTransferSyntax = "unsupported_transfer_syntax",
    UnsupportedPixelFormat = "unsupported_pixel_format",
    UndecodablePixels = "undecodable_pixels",
    /// An element or a frame says that it is longer than the bytes there are.
    LyingLength = "lying_length",
    VolumeTooLarge = "volume_too_large",
    MemoryLimitExceeded = "memory_limit_exceeded",
    SeveralStudies = "several_studies",
    InconsistentSeries = "inconsistent_series",
    /// One series carries a Series Instance UID in every slice or every few, and nothing else tells what belongs together.
    SeriesScattered = "series_scattered",
    /// Slices of the series lie between those that were read: they have another kernel or are of another phase.
    SeriesPartlyRead = "series_partly_read",
    /// Patient ID, name, birth date, sex or accession number differ within a study.
    SeveralPatients = "several_patients",
    /// Study, series or instance are not named by UIDs of the standard.
    UidInvalid = "uid_invalid",
    // The input can be read but is not a complete chest CT.
    NotCt = "not_ct",
    NotHounsfield = "not_hounsfield",
    /// Values that cannot be measurements were read otherwise than the header says.
    PixelsContradictHeader = "pixels_contradict_header",
    /// The values were cut off above, below bone, calcium or contrast.
    ValuesClipped = "values_clipped",
    PixelSpacingCoarse = "pixel_spacing_coarse",
    /// Limits and models are for adults.
    PatientNotAdult = "patient_not_adult",
    PatientAgeUnknown = "patient_age_unknown",
    NoChestSeries = "no_chest_series",
    NotAxial = "not_axial",
    NoLungs = "no_lungs",
    OneLung = "one_lung",
    LungVolumeLow = "lung_volume_low",
    CoverageIncomplete = "coverage_incomplete",
    /// Fewer instances of the study came than it has.
    StudyIncomplete = "study_incomplete",
    /// How many instances the study has was to be asked, and nobody said.
    StudyNotCounted = "study_not_counted",
    TooFewSlices = "too_few_slices",
    SlicesTooThick = "slices_too_thick",
    SliceGap = "slice_gap",
    SpacingVaries = "spacing_varies",
    GantryTilt = "gantry_tilt",
    /// The anatomy contradicts the sides or the size that the header states.
    OrientationDoubtful = "orientation_doubtful",
    ContrastAgent = "contrast_agent",
    SlicesUndecodable = "slices_undecodable",
    /// Slices that are blank, cut off, copies of others or pictures from elsewhere were left out.
    SlicesDamaged = "slices_damaged",
    /// The pictures do not go on from slice to slice: slices lie in another order than they were scanned in, or come from several
    /// scans.
    SliceOrderDoubtful = "slice_order_doubtful",
    /// The operating point was measured on no study of this scanner, used like this.
    ThresholdUnverified = "threshold_unverified",
    /// A measure that norm needs could not be taken.
    MeasuresMissing = "measures_missing",
    /// A measure lies where it does in no chest that is known: the models' scores say nothing of it.
    UnlikeKnown = "unlike_known",
    /// The models' score alone reaches a threshold that was measured on no study of this scanner, and everything measured is within its range.
    ScoreAlone = "score_alone",
    // A stage could not answer.
    ModelMissing = "model_missing",
    ModelInvalid = "model_invalid",
    /// Stages were read with different bundles: scores that belong to different scales.
    MixedBundles = "mixed_bundles",
    InferenceFailed = "inference_failed",
    ScoreNotFinite = "score_not_finite",
    StageTimeout = "stage_timeout",
    /// A worker died or failed on the same message too often.
    DeliveryLimitExceeded = "delivery_limit_exceeded",
    DeadlineExceeded = "deadline_exceeded",
    ObjectMissing = "object_missing",
    /// Also any code that only a newer version knows.
    #[serde(other)]
    Internal = "internal",
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A text that is no reason code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown reason code {0:?}")]
pub struct UnknownReasonCode(pub String);

impl FromStr for ReasonCode {
    type Err = UnknownReasonCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == text)
            .ok_or_else(|| UnknownReasonCode(text.to_owned()))
    }
}

/// A code with a sentence for a person. The sentence never holds patient data or names from an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reason {
    pub code: ReasonCode,
    pub message: String,
}

impl Reason {
    pub fn new(code: ReasonCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_round_trip() {
        let mut seen = std::collections::HashSet::new();
        for code in ReasonCode::ALL {
            assert!(seen.insert(code.as_str()));
            assert_eq!(code.as_str().parse::<ReasonCode>().unwrap(), *code);
            assert_eq!(
                serde_json::to_string(code).unwrap(),
                format!("{:?}", code.as_str())
            );
        }
        assert!("norm".parse::<ReasonCode>().is_err());
    }

    #[cfg(feature = "openapi")]
    #[test]
    fn the_schema_names_the_codes_as_json_does() {
        use utoipa::PartialSchema as _;
        let schema = serde_json::to_value(ReasonCode::schema()).unwrap();
        let codes: Vec<&str> = ReasonCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(schema["enum"], serde_json::json!(codes));
    }
}
