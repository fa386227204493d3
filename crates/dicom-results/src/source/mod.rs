//! What the objects need of the uploaded files.

mod attributes;
mod plane;
mod read;

pub(crate) use attributes::Presence;
pub use attributes::StudyAttributes;
pub use plane::ImagePlane;
pub use read::read_source_studies;

use serde::{Deserialize, Serialize};

/// A study as its files say. Holds patient data: for the objects only, never for logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceStudy {
    pub attributes: StudyAttributes,
    pub images: Vec<SourceImage>,
}

/// A stored image: one file, of one frame or many.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceImage {
    pub sop_class_uid: String,
    pub sop_instance_uid: String,
    pub series_instance_uid: String,
    /// Empty where the file has none.
    #[serde(default)]
    pub frame_of_reference_uid: String,
    /// Whether the file counts frames and has more than one.
    #[serde(default)]
    pub is_multi_frame: bool,
    pub rows: u16,
    pub columns: u16,
    /// Where its frames lie; empty where the file does not say.
    pub planes: Vec<ImagePlane>,
}
