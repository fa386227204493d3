//! What is known of the instances of an upload.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Attributes in the DICOM JSON model: eight hexadecimal digits → `{"vr": …, "Value": […]}`. Patient data.
pub type Attributes = BTreeMap<String, Value>;

/// All instances of an upload.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct InstanceIndex {
    /// (0020,000D) of the upload's study; None where the upload holds no instance that can be named.
    pub study_instance_uid: Option<String>,
    /// What searches answer of the study.
    pub study: Attributes,
    pub series: Vec<IndexedSeries>,
    /// By series, then by number.
    pub instances: Vec<IndexedInstance>,
    /// Files that are instances and lack a UID of the standard.
    pub unnamed: usize,
}

/// Without what it says: patient data.
impl fmt::Debug for InstanceIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("InstanceIndex")
            .field("series", &self.series.len())
            .field("instances", &self.instances.len())
            .finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexedSeries {
    pub series_instance_uid: String,
    pub modality: String,
    pub attributes: Attributes,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexedInstance {
    pub study_instance_uid: String,
    pub series_instance_uid: String,
    pub sop_class_uid: String,
    pub sop_instance_uid: String,
    pub transfer_syntax_uid: String,
    pub place: Place,
    /// Of its metadata in the container.
    pub metadata: Span,
    /// What searches answer of the instance.
    pub attributes: Attributes,
    /// Large values that are not in the metadata.
    pub bulk: Vec<BulkValue>,
    pub pixels: Option<PixelDescription>,
}

/// Bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub offset: u64,
    pub length: u64,
}

/// Which file bytes lie in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    Upload,
    Container,
}

/// Where the file of an instance lies, with the head of PS3.10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub section: Section,
    /// As it is stored.
    pub span: Span,
    /// Whether it is compressed there (RFC 1951).
    pub is_deflated: bool,
    /// Of the file itself.
    pub size: u64,
}

/// A value that is too large for the metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkValue {
    /// Tags with numbers of items between, as `00081140.0.00420011`.
    pub path: String,
    /// In the container, little endian.
    pub span: Span,
}

/// How the pixels of an instance are stored (PS3.3 C.7.6.3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PixelDescription {
    pub rows: u16,
    pub columns: u16,
    pub samples_per_pixel: u16,
    pub bits_allocated: u16,
    pub bits_stored: u16,
    pub high_bit: u16,
    pub is_signed: bool,
    pub is_float: bool,
    pub photometric: String,
    /// Whether samples of colours lie in planes.
    pub is_planar: bool,
    pub frames: u64,
    /// Of one frame that is not compressed.
    pub frame_bytes: u64,
    /// Where in the file of the instance the frames lie as they are to be given out: not compressed, little endian.
    pub native: Option<Span>,
    /// Slope and intercept of each frame; one where they are all alike.
    pub rescale: Vec<[f64; 2]>,
    /// Centre and width that the file names.
    pub window: Option<[f64; 2]>,
}
