//! Archives whose directory tells more, or less, than what stands beside it.

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
use norma_domain::ReasonCode;
use norma_imaging::{ImagingError, Limits, StudySource, list_studies};

use support::archives::{HandZip, Upload, zip_of};
use support::dicom_files::{Slice, put_text, write_file};

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

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// A tar archive of one file, as Unix version 7 wrote it (without "ustar") or as POSIX has it.
fn tar(content: &[u8], magic: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..9].copy_from_slice(b"study.zip");
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[257..257 + magic.len()].copy_from_slice(magic);
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let padding = vec![0; 1024 + (512 - content.len() % 512) % 512];
    [header, content.to_vec(), padding].concat()
}

#[test]
fn a_packed_archive_is_read_whatever_stands_before_it() {
    let archive = two_studies().bytes();
    let with_head = [b"MZ".as_slice(), &[7; 70_000], &archive].concat();
    let stored = |name: &str, bytes: &[u8]| HandZip::of([(name.into(), bytes.to_vec())]).bytes();
    let deflated = |name: &str, bytes: &[u8]| zip_of(&[(name.to_owned(), bytes.to_vec())]);
    for (what, upload) in [
        ("gz around a zip", gzip(&archive)),
        ("gz around a zip behind a head", gzip(&with_head)),
        ("that zip in a zip", deflated("inner.zip", &with_head)),
        ("stored there as a program", stored("study.exe", &with_head)),
        ("gz around it in a zip", deflated("inner.gz", &gzip(&with_head))),
    ] {
        assert_eq!(list(&upload).map(|studies| studies.len()).ok(), Some(2), "{what}");
    }
    // Noise deflates to nothing less, whatever the name of the file is.
    let mut state = 1u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(400_000)
    .collect();
    let behind_noise = [b"MZ".as_slice(), &noise, &archive].concat();
    assert_eq!(list(&deflated("study", &behind_noise)).unwrap().len(), 2);
}

#[test]
fn what_is_packed_and_not_read_is_refused_by_its_name() {
    let archive = two_studies().bytes();
    let message = |upload: &[u8]| {
        let reason = list(upload).unwrap_err().reason();
        (reason.code, reason.message)
    };
    let unreadable = |upload: &[u8], words: &str| {
        let (code, text) = message(upload);
        assert_eq!(code, ReasonCode::UnreadableArchive, "{text}");
        assert!(text.contains(words), "{text} does not say {words}");
    };
    unreadable(&gzip(&gzip(&archive)), "gzip in gzip");
    for magic in [b"".as_slice(), b"ustar\x0000", b"ustar  \0"] {
        // Also where the archive in it ends near the tar's own end.
        unreadable(&tar(&archive, magic), "a tar archive is not read");
        unreadable(&gzip(&tar(&archive, magic)), "a tar archive is not read");
    }
    unreadable(&gzip(b"7z\xBC\xAF\x27\x1C and more"), "a 7z archive is not read");
    unreadable(
        &[b"PK\x07\x08".as_slice(), &archive[..archive.len() / 2]].concat(),
        "one part of a zip archive that was split",
    );
    // The last part of a split archive: its end record names the part, and where the directory begins in another one.
    let (end, parts) = (archive.len() - 22, [3u8, 0, 2, 0]);
    for start in [0, end - 30] {
        let mut last = archive[start..].to_vec();
        let at = end - start + 4;
        last[at..at + 4].copy_from_slice(&parts);
        unreadable(&last, "one part of an archive that was split");
    }
    let disc = [vec![0; 0x8000].as_slice(), b"\x01CD001\x01", &[0; 4000]].concat();
    unreadable(&disc, "the image of a disc is not read");
    let trailer = [vec![1; 5000].as_slice(), b"koly\0\0\0\x04", &[0; 504]].concat();
    unreadable(&trailer, "the image of a disc is not read");
    for (start, words) in [
        (b"MSCF\0\0\0\0".as_slice(), "a cab archive"),
        (b"\x1D\x00-lh5-", "an lzh archive"),
        (b"\x60\xEA\x2B\x00", "an arj archive"),
        (b"070701", "a cpio archive"),
        (b"\x04\x22\x4D\x18", "an lz4 file"),
    ] {
        unreadable(&[start, &[7; 900]].concat(), words);
    }
    let slice = Slice::new(0).bytes(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    for whole in [
        gzip(&archive),
        gzip(&[b"MZ", archive.as_slice()].concat()),
        gzip(&slice),
    ] {
        for kept in [15, whole.len() / 2, whole.len() - 5] {
            unreadable(&whole[..kept], "cut short");
        }
        let mut flipped = whole.clone();
        let checksum = whole.len() - 6;
        flipped[checksum] ^= 1;
        unreadable(&flipped, "damaged");
    }
    assert_eq!(
        message(&gzip(&HandZip::of([]).bytes())).0,
        ReasonCode::EmptyUpload
    );
    assert_eq!(message(&gzip(b"a text")).0, ReasonCode::NoImagesFound);
}

#[test]
fn a_media_directory_alone_says_that_its_images_are_missing() {
    let mut directory = Slice::new(0).data_set();
    for tag in [
        tags::STUDY_INSTANCE_UID,
        tags::SERIES_INSTANCE_UID,
        tags::PIXEL_DATA,
    ] {
        directory.remove_element(tag);
    }
    put_text(
        &mut directory,
        tags::SOP_CLASS_UID,
        VR::UI,
        uids::MEDIA_STORAGE_DIRECTORY_STORAGE,
    );
    let directory = write_file(directory, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let text = ("README.TXT".to_owned(), b"a viewer".to_vec());
    for upload in [
        directory.clone(),
        zip_of(&[("DICOMDIR".to_owned(), directory.clone()), text.clone()]),
    ] {
        let reason = list(&upload).unwrap_err().reason();
        assert_eq!(reason.code, ReasonCode::NoImagesFound);
        assert!(reason.message.contains("DICOMDIR"), "{}", reason.message);
    }
    let reason = list(&zip_of(&[text])).unwrap_err().reason();
    assert!(!reason.message.contains("DICOMDIR"), "{}", reason.message);
    let slice = Slice::new(0).bytes(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let both = zip_of(&[("DICOMDIR".to_owned(), directory), ("1".to_owned(), slice)]);
    assert_eq!(list(&both).unwrap().len(), 1);
}

#[test]
fn pictures_and_volumes_that_are_not_read_are_named_and_hide_nothing_that_is() {
    let picture = b"\x89PNG\r\n\x1A\n with what follows".to_vec();
    let volume = b"NRRD0004\ntype: short\ndimension: 3\n\n".to_vec();
    let pictures = zip_of(&[
        ("README.TXT".to_owned(), b"a viewer".to_vec()),
        ("1.png".to_owned(), picture.clone()),
    ]);
    for (upload, named) in [
        (picture.clone(), "PNG"),
        (pictures, "PNG"),
        (volume.clone(), "NRRD"),
        (gzip(&volume), "NRRD"),
    ] {
        let reason = list(&upload).unwrap_err().reason();
        assert_eq!(reason.code, ReasonCode::NoImagesFound);
        assert!(reason.message.contains(named), "{}", reason.message);
    }
    let slice = Slice::new(0).bytes(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let both = zip_of(&[("1.png".to_owned(), picture), ("2".to_owned(), slice)]);
    assert_eq!(list(&both).unwrap().len(), 1);
}
