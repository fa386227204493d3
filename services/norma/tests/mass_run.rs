//! `norma predict` over one folder of everything that archives throw at a reader: a row and a reason for each, norm for
//! nothing that is not a whole chest CT, no panic, and a bound on memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod studies;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use norma_domain::{MassRunRow, ProcessingStatus};
use norma_test_support::{robustness_files, write_damaged_archives};
use studies::{onnxruntime, test_bundle};

/// Where the address space of a reader ends; the real one has 6 GiB, of which it uses a tenth.
const READER_MEMORY_BYTES: &str = "1073741824";

#[test]
fn every_damaged_archive_has_a_reason_and_none_is_norm() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let studies = folder.path().join("studies");
    let damaged = write_damaged_archives(&studies).unwrap();
    let rows = predict(&onnxruntime, &studies);

    for name in &damaged {
        let of_archive: Vec<&MassRunRow> = rows
            .iter()
            .filter(|row| Path::new(&row.path_to_study).starts_with(studies.join(name)))
            .collect();
        assert!(!of_archive.is_empty(), "{name} has no row");
        for row in of_archive {
            assert_is_no_answer(row);
        }
    }
    // The damage is what the reasons are about: the same study without it is read to its end. Its slices lie 5 mm apart, where
    // norm cannot be said beside vessels that may be an opacity.
    let sound = studies.join("sound.zip");
    let row = rows.iter().find(|row| Path::new(&row.path_to_study) == sound);
    let reason = row.unwrap().reason.as_deref().unwrap_or_default();
    assert!(reason.starts_with("measures_missing: "), "{row:?}");
    // What names that climb out would have left.
    for place in [folder.path(), Path::new("/"), Path::new("/tmp")] {
        let climbed = fs::read_dir(place).unwrap().any(|entry| {
            let name = entry.unwrap().file_name();
            name.to_string_lossy().starts_with("climbed-")
        });
        assert!(!climbed, "{}", place.display());
    }
}

#[test]
fn no_file_of_other_readers_tests_is_norm() {
    let (Some(onnxruntime), Some(folder)) = (onnxruntime(), robustness_files()) else {
        return;
    };
    let rows = predict(&onnxruntime, &folder.path().join("robustness"));
    assert!(rows.len() > 50, "{} rows", rows.len());
    for row in &rows {
        assert_is_no_answer(row);
    }
}

/// Rows of a folder. Fails where the program panicked or ended other than by saying that not all was answered.
fn predict(onnxruntime: &Path, folder: &Path) -> Vec<MassRunRow> {
    let out = folder.parent().unwrap().join("answers");
    let mut command = Command::new(env!("CARGO_BIN_EXE_norma"));
    command
        .arg("predict")
        .arg(folder)
        .args(["--format", "json", "--out"])
        .arg(&out)
        .current_dir(folder.parent().unwrap())
        .env("NORMA__MODELS__BUNDLE", test_bundle())
        .env("NORMA__MODELS__ONNXRUNTIME", onnxruntime)
        .env("NORMA__MODELS__CUDA", "off")
        .env("NORMA__SANDBOX__MEMORY_BYTES", READER_MEMORY_BYTES);
    let Output { status, stderr, .. } = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    let document: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("norma.json")).unwrap()).unwrap();
    let rows: Vec<MassRunRow> = serde_json::from_value(document["rows"].clone()).unwrap();
    tell_reasons(&rows);
    rows
}

fn assert_is_no_answer(row: &MassRunRow) {
    assert_eq!(row.processing_status, ProcessingStatus::Failure, "{row:?}");
    assert_eq!(row.pathology, None, "{row:?}");
    assert_eq!(row.probability_of_pathology, None, "{row:?}");
    let reason = row.reason.as_deref().unwrap_or_default();
    assert!(reason.contains(": "), "{row:?}");
    assert!(!reason.starts_with("internal"), "{row:?}");
}

#[expect(clippy::print_stdout, reason = "which reasons there were is worth a look")]
fn tell_reasons(rows: &[MassRunRow]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        let reason = row.reason.as_deref().unwrap_or("answered");
        *counts
            .entry(reason.split(": ").next().unwrap_or_default())
            .or_default() += 1;
    }
    println!("{} rows: {counts:?}", rows.len());
}
