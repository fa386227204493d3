//! What is known of a study after preprocessing. Of the patient it holds the age in years and nothing else; whose study
//! it is stands in [`crate::StudyIdentity`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    QualityCheck, Quantification, SeriesInstanceUid, SopInstanceUid, StudyInstanceUid, VolumeGeometry,
};

/// The study and the series that were read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StudySummary {
    /// None for NIfTI, which has no UIDs.
    pub study_instance_uid: Option<StudyInstanceUid>,
    pub series_instance_uid: Option<SeriesInstanceUid>,
    /// `DICOM` or `NIfTI`.
    pub source_format: String,
    pub modality: Option<String>,
    pub manufacturer: Option<String>,
    pub scanner_model: Option<String>,
    pub convolution_kernel: Option<String>,
    /// (0008,0020) as `YYYYMMDD`.
    pub study_date: Option<String>,
    /// (0010,1010), or from the dates of birth and study, in whole years. Patient data.
    pub patient_age_years: Option<u16>,
    pub transfer_syntax_uid: Option<String>,
    pub slice_thickness_mm: Option<f64>,
    pub contrast_agent: bool,
    pub geometry: VolumeGeometry,
    pub series_choice: SeriesChoice,
}

/// Which series was chosen of those in the upload, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeriesChoice {
    /// One sentence that names the rule which decided.
    pub reason: String,
    pub series_considered: usize,
    /// The others, each with why it was left out: `1.2.3 (localizer)`.
    pub left_out: Vec<String>,
}

/// A slice of the volume and the DICOM object it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SliceReference {
    /// Index along z in the volume; slices ascend along the normal, towards the head.
    pub slice: usize,
    pub sop_instance_uid: Option<SopInstanceUid>,
    /// Instance Number (0020,0013): the image's number in the PACS. None for NIfTI, and where frames share one.
    #[serde(default)]
    pub instance_number: Option<i64>,
    /// The z of Image Position (Patient) (0020,0032), in millimetres: where the table stood.
    #[serde(default)]
    pub table_position_mm: Option<f64>,
}

/// The result of the preprocess stage. Stored as the payload of its row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreparedSummary {
    pub study: StudySummary,
    pub slices: Vec<SliceReference>,
    /// Slices given to the models, ascending.
    pub selected_slices: Vec<usize>,
    /// First and last slice with lung, None without lungs.
    pub lung_extent: Option<[usize; 2]>,
    /// Lung volume in millilitres.
    pub lung_volume_ml: f64,
    pub quality: Vec<QualityCheck>,
    /// None where the study was prepared before there were measures.
    #[serde(default)]
    pub quantification: Option<Quantification>,
    pub duration_ms: u64,
}

impl PreparedSummary {
    /// Adds what was done after the summary was written, before the study went on.
    pub fn add_duration(&mut self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.duration_ms = self.duration_ms.saturating_add(millis);
    }
}
