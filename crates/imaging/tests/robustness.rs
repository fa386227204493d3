//! What real archives throw at a reader: every file is either loaded or rejected for a reason.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are not marked as tests"
)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use norma_imaging::{Limits, list_studies, list_upload, load_chest_series};
use norma_test_support::{dicom_files_below, robustness_files};

/// `loaded`, or the code of the reason.
fn outcome(upload: &Path) -> String {
    let limits = Limits::default();
    list_studies(upload, &limits)
        .and_then(|studies| load_chest_series(&studies[0], &limits))
        .map_or_else(|error| error.reason().code.to_string(), |_| "loaded".into())
}

#[test]
fn every_file_alone_is_loaded_or_rejected_for_a_reason() {
    let Some(folder) = robustness_files() else {
        return;
    };
    let mut table: BTreeMap<String, usize> = BTreeMap::new();
    let mut outcomes: BTreeMap<String, String> = BTreeMap::new();
    for file in dicom_files_below(folder.path()) {
        let outcome = outcome(&file);
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        *table.entry(outcome.clone()).or_default() += 1;
        outcomes.insert(name, outcome);
    }
    let expected = [
        ("loaded", 29),
        ("lying_length", 1),
        ("no_chest_series", 1),
        ("no_images_found", 4),
        ("not_axial", 22),
        ("not_ct", 157),
        ("unreadable_dicom", 4),
    ];
    let table: Vec<(&str, usize)> = table
        .iter()
        .map(|(code, count)| (code.as_str(), *count))
        .collect();
    assert_eq!(table, expected);
    for (name, expected) in [
        ("rtplan_truncated.dcm", "lying_length"),
        ("UN_sequence.dcm", "unreadable_dicom"),
        ("SC_rgb_jpeg.dcm", "not_ct"),
        ("MR_truncated.dcm", "not_ct"),
        ("DICOMDIR-empty.dcm", "no_images_found"),
        ("MAROTECH_CT_JP2Lossy.dcm", "no_chest_series"),
        ("CT1_JLSN.dcm", "loaded"),
        ("bad_sequence.dcm", "loaded"),
        ("explicit_VR-UN.dcm", "loaded"),
    ] {
        assert_eq!(outcomes[name], expected, "{name}");
    }
}

#[test]
fn the_folder_of_all_is_studies_and_reasons() {
    let Some(folder) = robustness_files() else {
        return;
    };
    let limits = Limits::default();
    let listing = list_upload(folder.path(), &limits).unwrap();
    assert_eq!(listing.rejected.len(), 7);
    let mut loaded: Vec<(String, usize)> = Vec::new();
    for study in &listing.studies {
        match load_chest_series(study, &limits) {
            Ok(series) => loaded.push((study.location().to_owned(), series.volume.geometry.shape[0])),
            Err(error) => assert!(!error.is_retryable(), "{error:?}"),
        }
    }
    // The partial series is one study of fifteen slices, the sagittal and the brain folders are none.
    assert!(
        loaded
            .iter()
            .any(|(location, slices)| location.contains("partial_series") && *slices == 15),
        "{loaded:?}"
    );
    assert!(
        !loaded
            .iter()
            .any(|(location, _)| location.contains("sagittal") || location.contains("not_CT"))
    );
}
