//! Small files that drove other readers to gigabytes, read in a process of their own whose peak is measured.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are not marked as tests"
)]

mod support;

use std::process::Command;

use norma_imaging::{Limits, list_studies, load_chest_series};

const CHILD: &str = "NORMA_IMAGING_MEMORY_TEST_FILE";
const LIMIT_KIB: u64 = 512 << 10;

/// Runs only as the child of the test below.
#[test]
fn child_reads_one_file() {
    let Some(file) = std::env::var_os(CHILD) else {
        return;
    };
    let limits = Limits::default();
    let result =
        list_studies(file.as_ref(), &limits).and_then(|studies| load_chest_series(&studies[0], &limits));
    let outcome = result.map_or_else(|error| error.reason().code.to_string(), |_| "loaded".into());
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|line| line.split_whitespace().next())
        .unwrap();
    println!("outcome={outcome} peak={peak}");
}

fn outcome_and_peak_kib(file: &std::path::Path) -> (String, u64) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_reads_one_file", "--nocapture"])
        .env(CHILD, file)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    let value = |key: &str| {
        text.split_whitespace()
            .find_map(|word| word.split(key).nth(1))
            .unwrap_or_else(|| panic!("{text}"))
            .to_owned()
    };
    (value("outcome="), value("peak=").parse().unwrap())
}

#[test]
fn the_files_that_took_gigabytes_take_little() {
    let Some(folder) = norma_test_support::robustness_files() else {
        return;
    };
    for (name, expected) in [
        ("UN_sequence.dcm", "unreadable_dicom"),
        ("SC_rgb_jpeg.dcm", "not_ct"),
    ] {
        let file = folder.path().join("robustness/pydicom+pydicom").join(name);
        let (outcome, peak) = outcome_and_peak_kib(&file);
        println!("{name}: {outcome}, peak {peak} KiB");
        assert_eq!(outcome, expected, "{name}");
        assert!(peak < LIMIT_KIB, "{name}: {peak} KiB");
    }
}

#[test]
fn a_whole_series_takes_little_more_than_its_volume() {
    let Some(file) = support::data_file("series/lidc-idri-0001_mass.zip") else {
        return;
    };
    let (outcome, peak) = outcome_and_peak_kib(&file);
    println!("133 slices: {outcome}, peak {peak} KiB");
    assert_eq!(outcome, "loaded");
    // The volume alone is 68,096 KiB.
    assert!(peak < 160 << 10, "{peak} KiB");
}
