use dicom_dictionary_std::uids;

/// One object, as a file of DICOM PS3.10 in explicit little endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DicomResult {
    /// `report`, `segmentation-lungs`, `segmentation-findings`, `anomaly-map`, `key-objects`, `verdict`, or `key-slice-1` and so on.
    pub name: String,
    pub sop_class_uid: String,
    pub sop_instance_uid: String,
    pub series_instance_uid: String,
    pub bytes: Vec<u8>,
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResultKind {
    StructuredReport,
    Segmentation,
    ParametricMap,
    KeyObjects,
    SecondaryCapture,
}

impl DicomResult {
    pub fn kind(&self) -> ResultKind {
        match self.sop_class_uid.as_str() {
            uids::COMPREHENSIVE3_DSR_STORAGE => ResultKind::StructuredReport,
            uids::SEGMENTATION_STORAGE => ResultKind::Segmentation,
            uids::PARAMETRIC_MAP_STORAGE => ResultKind::ParametricMap,
            uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE => ResultKind::KeyObjects,
            _ => ResultKind::SecondaryCapture,
        }
    }
}
