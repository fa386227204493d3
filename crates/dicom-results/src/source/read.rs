use std::path::Path;

use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::{TransferSyntaxIndex as _, TransferSyntaxRegistry};
use norma_imaging::{DicomFile, ImagingError, Limits, StudyFile, list_studies, read_study_files};

use crate::source::attributes::{StudyAttributes, text_of};
use crate::source::plane::planes_of;
use crate::source::{SourceImage, SourceStudy};

/// The DICOM studies of an upload with all their images. Parses hostile bytes. Files that cannot be read are left out,
/// as are NIfTI volumes.
///
/// # Errors
/// As [`list_studies`]; where the disk fails.
pub fn read_source_studies(upload: &Path, limits: &Limits) -> Result<Vec<SourceStudy>, ImagingError> {
    let mut studies = Vec::new();
    for study in list_studies(upload, limits)? {
        let mut read: Option<SourceStudy> = None;
        for file in read_study_files(&study, limits) {
            let data_set = match file {
                Ok(StudyFile::Dicom(file)) => parse(&file),
                Ok(StudyFile::Nifti(_)) => None,
                Err(error) if error.is_retryable() => return Err(error),
                Err(_) => None,
            };
            let Some(data_set) = data_set else { continue };
            read.get_or_insert_with(|| SourceStudy {
                attributes: StudyAttributes::of(&data_set),
                images: Vec::new(),
            })
            .images
            .extend(image_of(&data_set));
        }
        studies.extend(read);
    }
    Ok(studies)
}

fn parse(file: &DicomFile) -> Option<InMemDicomObject> {
    // What has no image is no source of a result.
    file.pixels.as_ref()?;
    let syntax = TransferSyntaxRegistry.get(file.transfer_syntax_uid)?;
    InMemDicomObject::read_dataset_with_ts(file.data_set.as_slice(), syntax).ok()
}

fn image_of(data_set: &InMemDicomObject) -> Option<SourceImage> {
    let side = |tag| data_set.get(tag)?.to_int::<u16>().ok();
    Some(SourceImage {
        sop_class_uid: text_of(data_set, tags::SOP_CLASS_UID),
        sop_instance_uid: text_of(data_set, tags::SOP_INSTANCE_UID),
        series_instance_uid: text_of(data_set, tags::SERIES_INSTANCE_UID),
        frame_of_reference_uid: text_of(data_set, tags::FRAME_OF_REFERENCE_UID),
        is_multi_frame: data_set
            .get(tags::NUMBER_OF_FRAMES)
            .and_then(|frames| frames.to_int::<u32>().ok())
            .is_some_and(|frames| frames > 1),
        rows: side(tags::ROWS)?,
        columns: side(tags::COLUMNS)?,
        planes: planes_of(data_set),
    })
}
