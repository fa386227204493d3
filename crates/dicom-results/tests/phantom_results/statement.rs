//! The conformance statement says what the objects are and which attributes they have. `UPDATE_CONFORMANCE=1` writes it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use dicom_core::Tag;
use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use norma_dicom_results::{DicomResult, Language};
use norma_domain::Verdict;
use norma_phantom::PhantomOptions;

use crate::segmentation::segmentation;
use crate::support::{anomaly_map, build_of, parse, report, study, text};

const START: &str = "UPDATE_CONFORMANCE=1: objects -->\n";
const END: &str = "<!-- end -->";

/// Object and template, by the name that a result has.
fn described(name: &str) -> &'static str {
    match name {
        "report" => "structured report, TID 1500",
        "verdict" | "key-slice-1" => "verdict page and key slices",
        "segmentation-lungs" | "segmentation-findings" => "segmentations of the lungs, and of the findings",
        "anomaly-map" => "anomaly map",
        "key-objects" => "key objects, TID 2010",
        other => panic!("nothing is said of {other}"),
    }
}

/// By PS3.6 annex A.
fn class_name(uid: &str) -> &'static str {
    match uid {
        uids::COMPREHENSIVE3_DSR_STORAGE => "Comprehensive 3D SR Storage",
        uids::SECONDARY_CAPTURE_IMAGE_STORAGE => "Secondary Capture Image Storage",
        uids::SEGMENTATION_STORAGE => "Segmentation Storage",
        uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE => "Key Object Selection Document Storage",
        uids::PARAMETRIC_MAP_STORAGE => "Parametric Map Storage",
        other => panic!("nothing is said of {other}"),
    }
}

fn keyword(tag: Tag) -> &'static str {
    StandardDataDictionary.by_tag(tag).unwrap().alias()
}

/// What objects of one kind are, and the attributes of each.
#[derive(Default)]
struct Row {
    class: String,
    attributes: Vec<Vec<Tag>>,
}

fn table(results: &[DicomResult]) -> String {
    // By their series.
    let mut rows: BTreeMap<(String, &str), Row> = BTreeMap::new();
    for result in results {
        if !matches!(result.name.as_str(), "key-slice-1") && result.name.starts_with("key-slice-") {
            continue;
        }
        let object = parse(result);
        let series = text(&object, tags::SERIES_NUMBER);
        let row = rows.entry((series, described(&result.name))).or_default();
        row.class.clone_from(&result.sop_class_uid);
        row.attributes
            .push(object.iter().map(|element| element.header().tag).collect());
    }
    let mut table = String::from("| object | series | SOP class | attributes |\n|---|---|---|---|\n");
    for ((series, object), Row { class, attributes }) in rows {
        let (first, others) = attributes.split_first().unwrap();
        let mut all: Vec<Tag> = attributes.concat();
        all.sort_unstable();
        all.dedup();
        let is_in_each = |tag: &Tag| first.contains(tag) && others.iter().all(|other| other.contains(tag));
        let names: Vec<String> = all
            .iter()
            .map(|tag| {
                if is_in_each(tag) {
                    keyword(*tag).to_owned()
                } else {
                    format!("({})", keyword(*tag))
                }
            })
            .collect();
        let name = class_name(&class);
        writeln!(
            table,
            "| {object} | {series} | {name} {class} | {} |",
            names.join(", ")
        )
        .unwrap();
    }
    table
}

#[test]
fn the_conformance_statement_says_what_the_objects_are() {
    let study = study(&PhantomOptions::small());
    let report = report(&study, Verdict::Pathology);
    let masks = segmentation(study.prepared.study.geometry.shape);
    let map = anomaly_map(&study);
    let results = build_of(&study, &report, Some(&masks), Some(&map), Language::English).unwrap();
    let table = table(&results);
    for class in results.iter().map(|result| &result.sop_class_uid) {
        assert!(table.contains(&format!(" {class} |")), "{class}");
    }

    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/DICOM_CONFORMANCE.md");
    let written = std::fs::read_to_string(&path).unwrap();
    let start = written.find(START).unwrap() + START.len();
    let end = start + written[start..].find(END).unwrap();
    let expected = [&written[..start], &table, &written[end..]].concat();
    if std::env::var_os("UPDATE_CONFORMANCE").is_some() {
        std::fs::write(path, expected).unwrap();
    } else {
        assert!(
            written == expected,
            "UPDATE_CONFORMANCE=1 cargo test --workspace --test phantom_results"
        );
    }
}
