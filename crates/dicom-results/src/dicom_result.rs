use dicom_dictionary_std::uids;

/// One object, as a file of DICOM PS3.10 in explicit little endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DicomResult {
    /// `report`, `verdict`, or `key-slice-1` and so on.
    pub name: String,
    pub sop_class_uid: String,
    pub sop_instance_uid: String,
    pub bytes: Vec<u8>,
}

impl DicomResult {
    /// The others are pictures.
    pub fn is_structured_report(&self) -> bool {
        self.sop_class_uid == uids::COMPREHENSIVE3_DSR_STORAGE
    }
}
