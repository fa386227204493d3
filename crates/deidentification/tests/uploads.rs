//! Whole uploads: what is written is read as before.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a helper of a test that fails is a test that fails"
)]

use std::path::Path;

use norma_deidentification::{DeidentificationError, Key, deidentify_upload};
use norma_imaging::{Limits, list_studies, load_chest_series};
use norma_test_support::{PhantomOptions, TransferSyntax, dicom_files_below, phantom_zip, robustness_files};

fn small(transfer_syntax: TransferSyntax) -> PhantomOptions {
    PhantomOptions {
        size: 64,
        slices: 12,
        transfer_syntax,
        ..PhantomOptions::small()
    }
}

#[test]
fn a_series_keeps_its_volume_in_every_transfer_syntax() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits::default();
    for transfer_syntax in TransferSyntax::ALL {
        let (upload, out) = (folder.path().join("in.zip"), folder.path().join("out.zip"));
        let series = phantom_zip(&small(transfer_syntax), &upload).unwrap();
        let summary = deidentify_upload(&upload, &out, &Key::random(), &limits).unwrap();
        assert_eq!(
            (summary.studies, summary.kept, summary.left_out.total()),
            (1, 12, 0)
        );
        let (before, after) = (load(&upload), load(&out));
        assert_eq!(before.volume, after.volume, "{transfer_syntax:?}");
        assert_eq!(before.acquisition, after.acquisition, "{transfer_syntax:?}");
        let written = std::fs::read(&out).unwrap();
        for name in ["PHANTOM", series.study_instance_uid.as_str()] {
            assert!(
                !written
                    .windows(name.len())
                    .any(|window| window == name.as_bytes()),
                "{name} in {transfer_syntax:?}"
            );
        }
        let study = list_studies(&out, &limits).unwrap().remove(0);
        assert!(study.study_instance_uid().unwrap().as_str().starts_with("2.25."));
    }
}

fn load(upload: &Path) -> norma_imaging::LoadedSeries {
    let limits = Limits::default();
    load_chest_series(&list_studies(upload, &limits).unwrap()[0], &limits).unwrap()
}

/// How a file is read: its voxels, or the code of the reason.
fn outcome(upload: &Path) -> Result<norma_volume_fingerprint::Fingerprint, String> {
    let limits = Limits::default();
    list_studies(upload, &limits)
        .and_then(|studies| load_chest_series(&studies[0], &limits))
        .map(|series| norma_volume_fingerprint::of(&series))
        .map_err(|error| error.reason().code.to_string())
}

mod norma_volume_fingerprint {
    use norma_imaging::LoadedSeries;

    pub(crate) type Fingerprint = ([usize; 3], i64);

    pub(crate) fn of(series: &LoadedSeries) -> Fingerprint {
        let sum = series
            .volume
            .hounsfield
            .iter()
            .map(|value| i64::from(*value))
            .sum();
        (series.volume.geometry.shape, sum)
    }
}

#[test]
fn real_files_are_read_as_before_or_left_out() {
    let Some(folder) = robustness_files() else {
        return;
    };
    let files = dicom_files_below(folder.path());
    let out = folder.path().join("out.zip");
    let (mut kept, mut left_out, mut unreadable) = (0, 0, 0);
    for file in &files {
        // It drives the parser to gigabytes, which the sandboxed child ends; here there is none.
        if file.file_name().is_some_and(|name| name == "UN_sequence.dcm") {
            continue;
        }
        match deidentify_upload(file, &out, &Key::random(), &Limits::default()) {
            Ok(summary) => {
                assert_eq!(summary.kept, 1, "{}", file.display());
                assert_eq!(outcome(file), outcome(&out), "{}", file.display());
                kept += 1;
            }
            Err(DeidentificationError::NothingLeft(why)) => {
                assert!(
                    outcome(file).is_err() || why.unreadable == 0,
                    "{}: {why:?}",
                    file.display()
                );
                left_out += 1;
            }
            Err(DeidentificationError::Upload(error)) => {
                assert!(!error.is_retryable(), "{}: {error}", file.display());
                unreadable += 1;
            }
            Err(error @ DeidentificationError::Write(_)) => panic!("{}: {error}", file.display()),
        }
    }
    println!("{kept} kept, {left_out} left out, {unreadable} unreadable");
    assert!(kept > 100, "most files are images");
}
