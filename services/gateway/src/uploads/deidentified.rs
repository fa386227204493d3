use norma_deidentification::{PixelCheck, Summary};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What de-identification did to an upload. It stands in the answer to the upload alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deidentified {
    /// What was done to the attributes of every image.
    #[schema(example = "DICOM PS3.15 Basic Application Confidentiality Profile")]
    pub method: String,
    /// Studies that are left.
    pub studies: usize,
    /// Images that are left. Their pixels are as they came.
    pub kept: usize,
    pub left_out: LeftOut,
    /// True where a person said that no picture shows text that names the patient (`pixels_checked`). False where nobody
    /// has looked: pictures that by their kind may carry text are left out, and nothing was recognised in the others.
    pub pixels_checked: bool,
}

/// Files that were not taken over, by why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftOut {
    /// Reports, documents, presentation states: no pixels.
    pub no_image: usize,
    /// Captured screens, ultrasound, dose pages, and those that say so: their pixels may carry text.
    pub burned_in: usize,
    /// Files that cannot be read as a whole.
    pub unreadable: usize,
}

impl Deidentified {
    pub(crate) fn new(summary: &Summary, pixels: PixelCheck) -> Self {
        let left_out = &summary.left_out;
        Self {
            method: "DICOM PS3.15 Basic Application Confidentiality Profile".to_owned(),
            studies: summary.studies,
            kept: summary.kept,
            left_out: LeftOut {
                no_image: left_out.no_image,
                burned_in: left_out.burned_in,
                unreadable: left_out.unreadable,
            },
            pixels_checked: pixels == PixelCheck::ByPerson,
        }
    }
}
