//! Archives whose directory tells more, or less, than what stands beside it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are not marked as tests"
)]

mod support;

use dicom_dictionary_std::uids;
use norma_domain::ReasonCode;
use norma_imaging::{ImagingError, Limits, StudySource, list_studies};

use support::archives::{HandZip, Upload};
use support::dicom_files::Slice;

type NamedFile = (Vec<u8>, Vec<u8>);

fn study(folder: &[u8], uid: &str) -> Vec<NamedFile> {
    (0..3)
        .map(|number| {
            let mut slice = Slice::new(number);
            slice.study = uid.to_owned();
            slice.series = format!("{uid}.1");
            slice.instance = format!("{uid}.1.{number}");
            let name = [folder, b"/", number.to_string().as_bytes(), b".dcm"].concat();
            (name, slice.bytes(uids::EXPLICIT_VR_LITTLE_ENDIAN))
        })
        .collect()
}

fn list(bytes: &[u8]) -> Result<Vec<StudySource>, ImagingError> {
    let upload = Upload::file(bytes);
    list_studies(&upload.path, &Limits::default())
}

fn code(bytes: &[u8]) -> ReasonCode {
    list(bytes).unwrap_err().reason().code
}

fn two_studies() -> HandZip {
    HandZip::of(study(b"A", "1.2.3").into_iter().chain(study(b"B", "1.2.4")))
}

#[test]
fn a_count_that_wraps_hides_nothing() {
    let files = study(b"A", "1.2.3")
        .into_iter()
        .chain((0..65_533).map(|number| (format!("n/{number}").into_bytes(), b"x".to_vec())))
        .chain(study(b"B", "1.2.4"));
    let archive = HandZip::of(files);
    assert_eq!(archive.files.len(), 65_539);
    let studies = list(&archive.bytes()).unwrap();
    assert_eq!(
        studies.iter().map(StudySource::location).collect::<Vec<_>>(),
        ["A", "B"]
    );
}

#[test]
fn what_contradicts_the_directory_is_refused() {
    assert_eq!(list(&two_studies().bytes()).unwrap().len(), 2);
    for count in [0, 3, 5, 7, 60_000] {
        let lying = HandZip {
            count: Some(count),
            ..two_studies()
        };
        assert_eq!(code(&lying.bytes()), ReasonCode::UnreadableArchive, "{count}");
    }
    for unlisted in [vec![0], vec![2, 3], vec![5], vec![0, 1, 2], vec![3, 4, 5]] {
        let hiding = HandZip {
            unlisted: unlisted.clone(),
            ..two_studies()
        };
        assert_eq!(
            code(&hiding.bytes()),
            ReasonCode::UnreadableArchive,
            "{unlisted:?}"
        );
    }
    let first = HandZip::of(study(b"A", "1.2.3")).bytes();
    let second = HandZip::of(study(b"B", "1.2.4")).bytes();
    assert_eq!(
        code(&[first, second].concat()),
        ReasonCode::UnreadableArchive,
        "two in one"
    );
}

#[test]
fn a_comment_behind_and_an_archive_within_are_no_contradiction() {
    let commented = HandZip {
        comment: b"written by a scanner, PK\x05\x06 and all".to_vec(),
        ..two_studies()
    };
    assert_eq!(list(&commented.bytes()).unwrap().len(), 2);
    // An archive stored in an archive has an end record of its own.
    let outer = HandZip::of([(b"inner.zip".to_vec(), two_studies().bytes())]);
    assert_eq!(list(&outer.bytes()).unwrap().len(), 2);
}

#[test]
fn studies_are_told_apart_by_russian_names() {
    for encoding in [encoding_rs::IBM866, encoding_rs::WINDOWS_1251] {
        let folder = |name: &str| encoding.encode(name).0.into_owned();
        let files = study(&folder("Иванов_КТ_грудной_клетки"), "1.2.3")
            .into_iter()
            .chain(study(&folder("Петров_КТ"), "1.2.4"));
        let studies = list(&HandZip::of(files).bytes()).unwrap();
        let names: Vec<&str> = studies.iter().map(StudySource::location).collect();
        assert_eq!(
            names,
            ["Иванов_КТ_грудной_клетки", "Петров_КТ"],
            "{}",
            encoding.name()
        );
    }
}

#[test]
fn bytes_before_an_archive_hide_nothing_of_it() {
    let archive = two_studies().bytes();
    let locations = |bytes: &[u8]| -> Vec<String> {
        let studies = list(bytes).unwrap();
        studies.iter().map(|study| study.location().to_owned()).collect()
    };
    let program = [b"MZ".as_slice(), &[7; 70_000]].concat();
    let script = b"#!/bin/sh\nexit\n".repeat(20);
    for head in [program, script, b"\r\n".to_vec(), vec![0; 512]] {
        let bytes = [head, archive.clone()].concat();
        assert_eq!(locations(&bytes), ["A", "B"]);
    }
    // Of two archives behind a head the first is in no directory.
    let joined = [b"MZ".to_vec(), archive.clone(), archive].concat();
    assert_eq!(code(&joined), ReasonCode::UnreadableArchive);
    // What merely ends with a signature is none.
    let text = [
        b"a text of twenty bytes ".repeat(9).as_slice(),
        b"PK\x05\x06",
        &[0; 10],
    ]
    .concat();
    assert_eq!(code(&text), ReasonCode::NoImagesFound);
}
