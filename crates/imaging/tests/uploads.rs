//! What studies are found in archives and folders, and that names of the upload go nowhere.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are not marked as tests"
)]

mod support;

use std::io::Write;

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use flate2::Compression;
use flate2::write::GzEncoder;
use norma_imaging::{Limits, extract_study, list_studies, list_upload, load_chest_series};

use support::archives::{Upload, numbered, zip_of, zip_with};
use support::dicom_files::{STUDY, Slice, put_text, write_file};

const EXPLICIT: &str = uids::EXPLICIT_VR_LITTLE_ENDIAN;

fn series(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|number| Slice::new(number).bytes(EXPLICIT))
        .collect()
}

#[test]
fn nested_archives_with_junk_in_between() {
    let mut directory = Slice::new(0).data_set();
    put_text(
        &mut directory,
        tags::SOP_CLASS_UID,
        VR::UI,
        uids::MEDIA_STORAGE_DIRECTORY_STORAGE,
    );
    let mut inner = numbered(series(4));
    inner.push(("__MACOSX/study/._0.dcm".into(), b"junk".to_vec()));
    inner.push(("study/.DS_Store".into(), b"junk".to_vec()));
    inner.push(("DICOMDIR".into(), write_file(directory, EXPLICIT)));
    inner.push(("README.TXT".into(), b"read me".to_vec()));
    inner.push(("viewer.exe".into(), vec![b'M', b'Z', 0, 0]));
    let middle = zip_of(&[
        ("disc/part one.zip".into(), zip_of(&inner)),
        ("notes.pdf".into(), b"%PDF".to_vec()),
    ]);
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&Slice::new(4).bytes(EXPLICIT)).unwrap();
    let outer = zip_with(
        &[
            ("all.zip".into(), middle),
            ("more/4.dcm.gz".into(), packed.finish().unwrap()),
        ],
        zip::CompressionMethod::Stored,
    );
    let upload = Upload::file(&outer);
    let listing = list_upload(&upload.path, &Limits::default()).unwrap();
    assert!(listing.rejected.is_empty(), "{:?}", listing.rejected);
    let [study] = &listing.studies[..] else {
        panic!("one study")
    };
    assert_eq!(study.study_instance_uid().unwrap().as_str(), STUDY);
    assert_eq!(study.file_count(), 5);
    assert_eq!(
        load_chest_series(study, &Limits::default())
            .unwrap()
            .volume
            .geometry
            .shape[0],
        5
    );
}

#[test]
fn several_studies_are_told_apart_and_located() {
    let files: Vec<(String, Vec<u8>)> = ["1.2.1", "1.2.2", "1.2.3"]
        .into_iter()
        .flat_map(|study| {
            (0..3).map(move |number| {
                let slice = Slice {
                    study: study.into(),
                    ..Slice::new(number)
                };
                (format!("run/{study}/CT/{number}"), slice.bytes(EXPLICIT))
            })
        })
        .collect();
    for upload in [Upload::file(&zip_of(&files)), Upload::folder(&files)] {
        let studies = list_studies(&upload.path, &Limits::default()).unwrap();
        let found: Vec<(&str, &str)> = studies
            .iter()
            .map(|study| (study.study_instance_uid().unwrap().as_str(), study.location()))
            .collect();
        assert_eq!(
            found,
            [
                ("1.2.1", "run/1.2.1/CT"),
                ("1.2.2", "run/1.2.2/CT"),
                ("1.2.3", "run/1.2.3/CT")
            ]
        );
    }
}

#[test]
fn a_study_extracted_alone_is_the_same_study() {
    let mut files = numbered(series(4));
    files.push((
        "other".into(),
        Slice {
            study: "1.9".into(),
            ..Slice::new(0)
        }
        .bytes(EXPLICIT),
    ));
    let upload = Upload::file(&zip_of(&files));
    let limits = Limits::default();
    let studies = list_studies(&upload.path, &limits).unwrap();
    let study = studies.iter().find(|study| study.file_count() == 4).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("alone.zip");
    extract_study(study, &out, &Limits::default()).unwrap();
    let names: Vec<String> = zip::ZipArchive::new(std::fs::File::open(&out).unwrap())
        .unwrap()
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    assert_eq!(names, ["000001.dcm", "000002.dcm", "000003.dcm", "000004.dcm"]);
    let alone = list_studies(&out, &limits).unwrap();
    assert_eq!(alone.len(), 1);
    let (before, after) = (
        load_chest_series(study, &limits).unwrap(),
        load_chest_series(&alone[0], &limits).unwrap(),
    );
    assert_eq!(before.volume.hounsfield, after.volume.hounsfield);
    assert_eq!(before.slices, after.slices);
}

#[test]
fn an_extracted_study_remembers_what_could_not_be_read() {
    let mut files = numbered(series(4));
    files.push((
        "study/cut.dcm".into(),
        Slice::new(5).bytes(EXPLICIT)[..300].to_vec(),
    ));
    let mut bytes = zip_with(&files, zip::CompressionMethod::Stored);
    // And one slice is damaged: its checksum tells only when it is read.
    let pixels = bytes
        .windows(4)
        .position(|tag| tag == [0xE0, 0x7F, 0x10, 0])
        .unwrap();
    bytes[pixels + 100] ^= 1;
    let upload = Upload::file(&bytes);
    let limits = Limits::default();
    let studies = list_studies(&upload.path, &limits).unwrap();
    let in_place = load_chest_series(&studies[0], &limits).unwrap().acquisition;
    assert_eq!((in_place.undecodable_slices, in_place.unreadable_files), (1, 1));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("alone.zip");
    extract_study(&studies[0], &out, &Limits::default()).unwrap();
    let alone = list_studies(&out, &limits).unwrap();
    let series = load_chest_series(&alone[0], &limits).unwrap();
    assert_eq!(series.volume.geometry.shape[0], 3);
    assert_eq!(series.acquisition.unreadable_files, 2);
}

#[test]
fn in_a_folder_each_archive_stands_for_itself() {
    let files = vec![
        ("good.zip".to_owned(), zip_of(&numbered(series(3)))),
        ("same study.zip".to_owned(), zip_of(&numbered(series(2)))),
        ("broken.zip".to_owned(), b"PK\x03\x04 and nothing more".to_vec()),
        (
            "cut.dcm".to_owned(),
            Slice::new(0).bytes(EXPLICIT)[..400].to_vec(),
        ),
        ("notes.txt".to_owned(), b"notes".to_vec()),
        (
            "notes.zip".to_owned(),
            zip_of(&[("notes.txt".to_owned(), b"notes".to_vec())]),
        ),
        ("nothing.zip".to_owned(), Vec::new()),
        ("empty.zip".to_owned(), zip_of(&[])),
    ];
    let upload = Upload::folder(&files);
    let listing = list_upload(&upload.path, &Limits::default()).unwrap();
    let located: Vec<&str> = listing
        .studies
        .iter()
        .map(norma_imaging::StudySource::location)
        .collect();
    assert_eq!(located, ["good.zip/study", "same study.zip/study"]);
    let mut rejected: Vec<&str> = listing
        .rejected
        .iter()
        .map(|file| file.location.as_str())
        .collect();
    rejected.sort_unstable();
    assert_eq!(
        rejected,
        ["broken.zip", "cut.dcm", "empty.zip", "notes.zip", "nothing.zip"]
    );
}

#[test]
fn an_unreadable_file_beside_a_study_is_counted() {
    let mut files = numbered(series(3));
    files.push((
        "study/3.dcm".into(),
        Slice::new(3).bytes(EXPLICIT)[..300].to_vec(),
    ));
    let upload = Upload::file(&zip_of(&files));
    let studies = list_studies(&upload.path, &Limits::default()).unwrap();
    let loaded = load_chest_series(&studies[0], &Limits::default()).unwrap();
    assert_eq!(loaded.acquisition.unreadable_files, 1);
}

#[test]
fn a_slice_that_ends_before_its_pixels_is_counted() {
    let mut cut = Slice::new(3).bytes(EXPLICIT);
    let pixel_tag = cut
        .windows(4)
        .position(|bytes| bytes == [0xE0, 0x7F, 0x10, 0])
        .unwrap();
    cut.truncate(pixel_tag);
    let upload = Upload::file(&zip_of(&numbered(series(3).into_iter().chain([cut]))));
    let studies = list_studies(&upload.path, &Limits::default()).unwrap();
    let loaded = load_chest_series(&studies[0], &Limits::default()).unwrap();
    assert_eq!(loaded.acquisition.undecodable_slices, 1);
    assert_eq!(loaded.volume.geometry.shape[0], 3);
}

#[test]
fn no_error_and_no_summary_holds_a_name() {
    let mut files = vec![
        (
            "IVANOV_IVAN/1.dcm".to_owned(),
            Slice::new(0).bytes(EXPLICIT)[..300].to_vec(),
        ),
        ("IVANOV_IVAN/2.7z".to_owned(), b"7z\xBC\xAF\x27\x1C".to_vec()),
    ];
    let limits = Limits::default();
    let upload = Upload::file(&zip_of(&files));
    let error = list_studies(&upload.path, &limits).unwrap_err();
    for text in [format!("{error}"), format!("{error:?}"), error.reason().message] {
        assert!(!text.contains("IVAN"), "{text}");
    }
    files.push(("IVANOV_IVAN/3.dcm".into(), Slice::new(0).bytes(EXPLICIT)));
    let upload = Upload::file(&zip_of(&files));
    let studies = list_studies(&upload.path, &limits).unwrap();
    let loaded = load_chest_series(&studies[0], &limits).unwrap();
    let text = format!("{:?} {:?} {:?}", loaded.study, loaded.slices, loaded.acquisition);
    assert!(!text.contains("SECRET"), "{text}");
    let listed = format!("{:?}", list_upload(&upload.path, &limits).unwrap());
    assert!(!(text + &listed).contains("IVAN"), "{listed}");
}
