//! A de-identified study is prepared to the very bytes that the models read before: the scores are the same.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test that fails is a test that fails"
)]

use norma_deidentification::{Key, PixelCheck, deidentify_upload};
use norma_domain::{PreparedSummary, ReasonCode};
use norma_imaging::Limits;
use norma_pipeline::{SLICES_FILE, VOLUME_FILE, prepare_upload};
use norma_test_support::{Nodule, PhantomOptions, phantom_zip};

#[test]
fn the_models_read_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits::default();
    let options = PhantomOptions {
        nodule: Some(Nodule::default()),
        ..PhantomOptions::small()
    };
    let (upload, clean) = (folder.path().join("in.zip"), folder.path().join("out.zip"));
    phantom_zip(&options, &upload).unwrap();
    deidentify_upload(&upload, &clean, &Key::random(), PixelCheck::ByKind, &limits).unwrap();
    let prepared: Vec<_> = [&upload, &clean]
        .iter()
        .map(|upload| {
            let out = tempfile::tempdir().unwrap();
            let summary = prepare_upload(upload, out.path(), &limits).unwrap();
            let slices = std::fs::read(out.path().join(SLICES_FILE)).unwrap();
            (
                summary,
                slices,
                std::fs::read(out.path().join(VOLUME_FILE)).unwrap().len(),
            )
        })
        .collect();
    assert_eq!(prepared[0].1, prepared[1].1, "other slices");
    assert_eq!(prepared[0].2, prepared[1].2, "another volume");
    // The age of an adult identifies, so it is gone; a check says of whom it is not known.
    let checks = |place: usize| -> Vec<_> {
        let summary: &PreparedSummary = &prepared[place].0;
        let of_age = [ReasonCode::PatientAgeUnknown, ReasonCode::PatientNotAdult];
        summary
            .quality
            .iter()
            .filter(|check| !of_age.contains(&check.code))
            .cloned()
            .collect()
    };
    assert_eq!(checks(0), checks(1), "other checks");
}
