//! What a study leaves that is refused although it could be read: its volume, and what was found in it.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test that fails is a test that fails"
)]

use std::fs;
use std::path::Path;

use norma_domain::{PreparedSummary, QualityConsequence, ReasonCode};
use norma_imaging::Limits;
use norma_pipeline::{SLICES_FILE, SUMMARY_FILE, VOLUME_FILE, VolumeHeader, prepare_upload};
use norma_test_support::{Lungs, PhantomOptions, phantom_zip};

fn left_in(out: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_study_that_is_refused_after_it_was_read_can_be_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let upload = folder.path().join("no-lungs.zip");
    let options = PhantomOptions {
        lungs: Lungs::None,
        ..PhantomOptions::small()
    };
    phantom_zip(&options, &upload).unwrap();
    let out = folder.path().join("out");
    let error = prepare_upload(&upload, &out, &Limits::default()).unwrap_err();
    assert_eq!(error.reason().code, ReasonCode::NoLungs);
    assert!(!error.is_retryable());

    assert_eq!(left_in(&out), [SUMMARY_FILE, VOLUME_FILE], "no {SLICES_FILE}");
    let summary: PreparedSummary =
        serde_json::from_slice(&fs::read(out.join(SUMMARY_FILE)).unwrap()).unwrap();
    let refused = summary
        .quality
        .iter()
        .find(|check| check.code == ReasonCode::NoLungs)
        .unwrap();
    assert!(!refused.passed && refused.consequence == QualityConsequence::Failed);
    assert_eq!(summary.selected_slices, [0_usize; 0]);
    assert_eq!(summary.slices.len(), options.slices);

    let bytes = fs::read(out.join(VOLUME_FILE)).unwrap();
    let header = VolumeHeader::parse(&bytes).unwrap();
    assert_eq!(header.geometry, summary.study.geometry);
    let [_, rows, columns] = header.geometry.shape;
    let extent = header.slices[options.slices / 2];
    let member = &bytes[extent.offset as usize..(extent.offset + extent.length) as usize];
    let slice = header.slice_values(member).unwrap();
    // Soft tissue in the middle, air in the corner.
    assert!(
        (-200..300).contains(&slice[[rows / 2, columns / 2]]),
        "{}",
        slice[[rows / 2, columns / 2]]
    );
    assert!(slice[[0, 0]] < -900, "{}", slice[[0, 0]]);
}

#[test]
fn an_upload_that_could_not_be_read_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let upload = folder.path().join("nothing");
    fs::write(&upload, b"nothing to see").unwrap();
    let out = folder.path().join("out");
    prepare_upload(&upload, &out, &Limits::default()).unwrap_err();
    assert!(!out.exists() || left_in(&out).is_empty());
}
