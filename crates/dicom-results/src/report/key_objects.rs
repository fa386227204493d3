//! The stored images worth a look (Key Object Selection, PS3.3 A.35.4, TID 2010).

use dicom_dictionary_std::{tags, uids};
use norma_domain::{PreparedSummary, Report};

use super::content_item::{ContentItem, Relation};
use super::context::{evidence_item, observer};
use crate::code::{Code, verdict_meaning};
use crate::derived_uid::derive_uid;
use crate::dicom_result::DicomResult;
use crate::error::ResultsError;
use crate::input::slices_to_show;
use crate::modules::{Identification, common, to_file};
use crate::placed_frame::placed_frames;
use crate::region::regions;
use crate::source::{SourceImage, SourceStudy};
use crate::wording::Language;

const NAME: &str = "key-objects";
const SERIES_NUMBER: u16 = 9004;
const OF_INTEREST: Code = Code::dcm("113000", "Of Interest");
const DESCRIPTION: Code = Code::dcm("113012", "Key Object Description");

/// The selection; None where no slice worth a look is a stored image.
pub(crate) fn key_objects(
    report: &Report,
    prepared: &PreparedSummary,
    source: &SourceStudy,
    evidence: &[&SourceImage],
) -> Result<Option<DicomResult>, ResultsError> {
    let slices = slices_to_show(report, prepared);
    let selected = selected(prepared, evidence, &slices);
    if selected.is_empty() {
        return Ok(None);
    }
    let instance = derive_uid(report.analysis_id, NAME);
    let series = derive_uid(report.analysis_id, "key objects series");
    let what = Identification {
        sop_class_uid: uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE,
        sop_instance_uid: &instance,
        series_instance_uid: &series,
        modality: "KO",
        series_number: SERIES_NUMBER,
        instance_number: 1,
        series_description: "Norma key images (research use)",
    };
    let mut images: Vec<&SourceImage> = Vec::new();
    for (image, _) in &selected {
        if !images.contains(image) {
            images.push(image);
        }
    }
    let mut object = common(source, report, &what)
        .sequence(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, Vec::new())
        .sequence(
            tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
            vec![evidence_item(source, &images)],
        )
        .build();
    let content = ContentItem::container(None, &OF_INTEREST, Some("2010"))
        .holding(observer(report))
        .holding([ContentItem::text(
            Relation::Contains,
            &DESCRIPTION,
            &description(report, prepared, &slices),
        )])
        .holding(
            selected
                .iter()
                .map(|(image, frame)| ContentItem::image(image, *frame)),
        );
    for element in content.into_elements().build() {
        object.put(element);
    }
    Ok(Some(DicomResult {
        name: NAME.to_owned(),
        sop_class_uid: what.sop_class_uid.to_owned(),
        series_instance_uid: what.series_instance_uid.to_owned(),
        bytes: to_file(object, &what)?,
        sop_instance_uid: instance.clone(),
    }))
}

/// Of each slice the image that it came from, and the frame where that has several; each once.
fn selected<'a>(
    prepared: &PreparedSummary,
    evidence: &[&'a SourceImage],
    slices: &[usize],
) -> Vec<(&'a SourceImage, Option<u32>)> {
    let frames = placed_frames(evidence, &prepared.study.geometry);
    let of_slice = |slice: usize| {
        let reference = prepared
            .slices
            .iter()
            .find(|reference| reference.slice == slice)?;
        let uid = reference.sop_instance_uid.as_ref()?;
        let mut placed = frames
            .iter()
            .filter(|frame| frame.slice == slice && frame.image.sop_instance_uid == uid.as_str());
        if let Some(frame) = placed.next() {
            return Some((frame.image, frame.plane.frame));
        }
        // It does not say where it lies, or lies at another slice of a resampled stack: as a whole, where it has one frame; of
        // several nobody knows which.
        let image = evidence
            .iter()
            .find(|image| image.sop_instance_uid == uid.as_str())?;
        (!image.is_multi_frame).then_some((*image, None))
    };
    let mut selected = Vec::new();
    for found in slices.iter().filter_map(|slice| of_slice(*slice)) {
        if !selected.contains(&found) {
            selected.push(found);
        }
    }
    selected
}

/// The verdict, and what is to be seen.
fn description(report: &Report, prepared: &PreparedSummary, slices: &[usize]) -> String {
    let mut lines = vec![format!("Norma: {}.", verdict_meaning(report.verdict))];
    let regions = regions(report, prepared);
    let shown = regions.iter().filter(|region| slices.contains(&region.slice));
    lines.extend(shown.map(|region| format!("{}.", region.words(Language::English))));
    lines.push(report.disclaimer.clone());
    lines.join("\n")
}
