//! All objects of an analysis.

use std::collections::{BTreeMap, BTreeSet};

use norma_domain::{PreparedSummary, StudyInstanceUid};

use crate::capture::captures;
use crate::dicom_result::DicomResult;
use crate::error::ResultsError;
use crate::input::ResultsInput;
use crate::parametric_map::parametric_map;
use crate::report::{key_objects, structured_report};
use crate::segmentation::segmentations;
use crate::source::{SourceImage, SourceStudy};

/// Makes the structured report, the segmentations, the anomaly map, the selection of key objects, then the page with the verdict and the key slices.
///
/// # Errors
/// Where the study has no UID that DICOM allows, where the segmentation or the map is of another volume, and where the files are not those that were analysed.
pub fn build_results(input: &ResultsInput<'_>) -> Result<Vec<DicomResult>, ResultsError> {
    let study = StudyInstanceUid::new(&input.source.attributes.study_instance_uid)
        .ok()
        .filter(StudyInstanceUid::is_valid)
        .ok_or(ResultsError::NoStudyUid)?;
    if input.prepared.study.study_instance_uid.as_ref() != Some(&study) {
        return Err(ResultsError::OtherStudy);
    }
    let evidence = evidence(input.prepared, input.source);
    if evidence.is_empty() {
        return Err(ResultsError::OtherStudy);
    }
    let mut results = vec![structured_report(
        input.report,
        input.prepared,
        input.source,
        &evidence,
    )?];
    if let Some(segmentation) = input.segmentation {
        results.extend(segmentations(input, segmentation, &evidence)?);
    }
    results.extend(parametric_map(input, &evidence)?);
    results.extend(key_objects(
        input.report,
        input.prepared,
        input.source,
        &evidence,
    )?);
    results.extend(captures(input, &evidence)?);
    Ok(results)
}

/// The stored images that the volume's slices came from, each once, in the order of the slices.
fn evidence<'a>(prepared: &PreparedSummary, source: &'a SourceStudy) -> Vec<&'a SourceImage> {
    let by_uid: BTreeMap<&str, &SourceImage> = source
        .images
        .iter()
        .map(|image| (image.sop_instance_uid.as_str(), image))
        .collect();
    let mut seen = BTreeSet::new();
    prepared
        .slices
        .iter()
        .filter_map(|slice| slice.sop_instance_uid.as_ref())
        .filter(|uid| uid.is_valid() && seen.insert(uid.as_str()))
        .filter_map(|uid| by_uid.get(uid.as_str()).copied())
        .collect()
}
