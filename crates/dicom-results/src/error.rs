use dicom_object::WriteError;

/// Why there are no DICOM objects of an analysis.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// NIfTI, or files without a Study Instance UID by the standard: a PACS could not put the objects beside them.
    #[error("the study has no Study Instance UID that DICOM allows")]
    NoStudyUid,
    /// The files are not those that were analysed.
    #[error("the files hold none of the images that were analysed")]
    OtherStudy,
    /// The masks or the map are not those of the volume that was analysed.
    #[error("the segmentation or the map is of another volume than the analysis")]
    OtherVolume,
    #[error("failed to write a DICOM object")]
    Write(#[source] Box<WriteError>),
    #[error("failed to write the header of a DICOM object")]
    Header(#[source] Box<dicom_object::meta::Error>),
}
