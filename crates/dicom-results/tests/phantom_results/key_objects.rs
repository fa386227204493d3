//! The selection of key objects.

use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use norma_dicom_results::{DicomResult, Language, ResultKind};
use norma_domain::{KeySlice, Verdict};
use norma_phantom::PhantomOptions;

use crate::support::{Study, build, items, parse, report, study, text, tree, value};

fn selection(results: &[DicomResult]) -> Option<&DicomResult> {
    results
        .iter()
        .find(|result| result.kind() == ResultKind::KeyObjects)
}

/// The selected images, each as a whole.
fn selected(document: &InMemDicomObject) -> Vec<String> {
    tree(document)
        .iter()
        .filter(|item| text(item, tags::VALUE_TYPE) == "IMAGE")
        .map(|item| {
            let image = &items(item, tags::REFERENCED_SOP_SEQUENCE)[0];
            assert!(image.get(tags::REFERENCED_FRAME_NUMBER).is_none());
            text(image, tags::REFERENCED_SOP_INSTANCE_UID)
        })
        .collect()
}

/// The image that a slice came from.
fn uid(study: &Study, slice: usize) -> String {
    let uid = study.prepared.slices[slice].sop_instance_uid.as_ref();
    uid.unwrap().as_str().to_owned()
}

#[test]
fn the_images_worth_a_look_are_selected_and_nothing_else() {
    let study = study(&PhantomOptions::small());
    let results = build(&study, &report(&study, Verdict::Pathology), Language::English).unwrap();
    let selection = selection(&results).unwrap();
    assert_eq!(
        selection.sop_class_uid,
        uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE
    );
    let document = parse(selection);
    assert_eq!(text(&document, tags::MODALITY), "KO");
    // The slice of the finding and of where the models point, then the report's key slice.
    assert_eq!(selected(&document), [uid(&study, 30), uid(&study, 40)]);
    let study_item = &items(&document, tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE)[0];
    let series = &items(study_item, tags::REFERENCED_SERIES_SEQUENCE)[0];
    let evidence = items(series, tags::REFERENCED_SOP_SEQUENCE);
    assert_eq!(evidence.len(), 2);
    let words = tree(&document).iter().map(|item| value(item)).collect::<String>();
    assert!(
        words.contains("Norma: Pathology.")
            && words.contains("Pleural effusion: right lower third, 34.2 ml")
            && words.contains("research use"),
        "{words}"
    );
}

/// Slices of a resampled stack lie closer than the images that they came from.
#[test]
fn an_image_that_two_key_slices_came_from_is_selected_once() {
    let mut study = study(&PhantomOptions::small());
    study.prepared.slices[41].sop_instance_uid = study.prepared.slices[40].sop_instance_uid.clone();
    let mut report = report(&study, Verdict::Pathology);
    let next = KeySlice {
        slice: 41,
        ..report.key_slices[0].clone()
    };
    report.key_slices.push(next);
    let results = build(&study, &report, Language::English).unwrap();
    let document = parse(selection(&results).unwrap());
    assert_eq!(selected(&document), [uid(&study, 30), uid(&study, 40)]);
}

#[test]
fn where_nothing_is_worth_a_look_there_is_no_selection() {
    let mut study = study(&PhantomOptions::small());
    study.prepared.quantification = None;
    let mut report = report(&study, Verdict::Norm);
    report.key_slices.clear();
    let results = build(&study, &report, Language::English).unwrap();
    assert!(selection(&results).is_none());
}
