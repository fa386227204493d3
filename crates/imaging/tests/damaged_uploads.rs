//! Uploads made to do harm, or that came to harm: each ends with a typed reason, soon and without a panic.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are not marked as tests"
)]

mod support;

use std::io::Write;
use std::time::{Duration, Instant};

use dicom_dictionary_std::uids;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use norma_domain::ReasonCode;
use norma_imaging::{Limits, list_studies, list_upload, load_chest_series};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use support::archives::{Upload, numbered, zip_of, zip_with};
use support::dicom_files::{BIG_ENDIAN, Slice, put_fragments, rle_frame, write_as};

const EXPLICIT: &str = uids::EXPLICIT_VR_LITTLE_ENDIAN;

/// The code an upload is rejected with; panics where it is read, or where that takes long.
fn code_within(bytes: &[u8], limits: &Limits) -> ReasonCode {
    let upload = Upload::file(bytes);
    let begin = Instant::now();
    let error = list_studies(&upload.path, limits)
        .and_then(|studies| load_chest_series(&studies[0], limits))
        .map(|series| series.volume.geometry.shape)
        .unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(20), "{error}");
    assert!(!error.is_retryable(), "{error:?}");
    error.reason().code
}

fn code(bytes: &[u8]) -> ReasonCode {
    code_within(bytes, &Limits::default())
}

fn study(count: usize) -> Vec<(String, Vec<u8>)> {
    numbered((0..count).map(|number| Slice::new(number).bytes(EXPLICIT)))
}

/// Positions of a signature.
fn find_all(bytes: &[u8], signature: &[u8]) -> Vec<usize> {
    (0..bytes.len())
        .filter(|at| bytes[*at..].starts_with(signature))
        .collect()
}

#[test]
fn empty_things() {
    assert_eq!(code(b""), ReasonCode::EmptyUpload);
    assert_eq!(code(&zip_of(&[])), ReasonCode::EmptyUpload);
    assert_eq!(
        code(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ReasonCode::EmptyUpload
    );
    assert_eq!(code(b"some text, no image"), ReasonCode::NoImagesFound);
    assert_eq!(
        code(&zip_of(&[("a.txt".into(), b"text".to_vec())])),
        ReasonCode::NoImagesFound
    );
    assert_eq!(
        code(&zip_of(&[("empty".into(), Vec::new())])),
        ReasonCode::NoImagesFound
    );
    let folder = Upload::folder(&[]);
    let error = list_studies(&folder.path, &Limits::default()).unwrap_err();
    assert_eq!(error.reason().code, ReasonCode::EmptyUpload);
}

#[test]
fn truncated_archives() {
    let whole = zip_of(&study(3));
    for part in [5, 30, 100, whole.len() / 2, whole.len() - 30, whole.len() - 1] {
        assert_eq!(
            code(&whole[..part]),
            ReasonCode::UnreadableArchive,
            "{part} bytes"
        );
    }
}

#[test]
fn encrypted_archives() {
    let mut bytes = zip_of(&study(2));
    for (signature, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        for at in find_all(&bytes, signature) {
            bytes[at + flags] |= 1;
        }
    }
    assert_eq!(code(&bytes), ReasonCode::EncryptedArchive);
    assert_eq!(
        code(&zip_of(&[("inner.zip".into(), bytes)])),
        ReasonCode::EncryptedArchive
    );
}

#[test]
fn archives_nested_fifty_deep() {
    let mut bytes = zip_of(&study(1));
    let in_four = (0..4).fold(bytes.clone(), |inner, _| zip_of(&[("inner.zip".into(), inner)]));
    let upload = Upload::file(&in_four);
    assert_eq!(list_studies(&upload.path, &Limits::default()).unwrap().len(), 1);
    for _ in 0..50 {
        bytes = zip_of(&[("inner.zip".into(), bytes)]);
    }
    assert_eq!(code(&bytes), ReasonCode::ArchiveLimitExceeded);
}

#[test]
fn bombs_by_ratio_by_size_and_by_count() {
    let limits = Limits {
        ratio_free_bytes: 1 << 20,
        ..Limits::default()
    };
    let zeros = vec![0u8; 8 << 20];
    assert_eq!(
        code_within(&zip_of(&[("zeros".into(), zeros.clone())]), &limits),
        ReasonCode::ArchiveLimitExceeded
    );
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&zeros).unwrap();
    let gzipped = packed.finish().unwrap();
    assert_eq!(code_within(&gzipped, &limits), ReasonCode::ArchiveLimitExceeded);
    let inner = zip_of(&[("bomb.gz".into(), gzipped)]);
    assert_eq!(code_within(&inner, &limits), ReasonCode::ArchiveLimitExceeded);
    // Each within the limits, together not.
    let packed = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let slice = Slice::new(0).bytes(EXPLICIT);
    let many: Vec<(String, Vec<u8>)> = (0..40)
        .map(|number| (format!("{number}.gz"), packed(&slice)))
        .collect();
    let together = Limits {
        uncompressed_bytes: 30 * slice.len() as u64,
        ..Limits::default()
    };
    assert_eq!(
        code_within(&zip_of(&many), &together),
        ReasonCode::ArchiveLimitExceeded
    );
    let small = Limits {
        uncompressed_bytes: 1 << 10,
        ..Limits::default()
    };
    assert_eq!(
        code_within(&zip_of(&study(2)), &small),
        ReasonCode::ArchiveLimitExceeded
    );
    let few = Limits {
        archive_entries: 2,
        ..Limits::default()
    };
    assert_eq!(
        code_within(&zip_of(&study(3)), &few),
        ReasonCode::ArchiveLimitExceeded
    );
    let folder = Upload::folder(&study(3));
    assert!(list_studies(&folder.path, &few).is_err());
    let short = Limits {
        file_bytes: 1 << 10,
        ..Limits::default()
    };
    assert_eq!(
        code_within(&zip_of(&study(1)), &short),
        ReasonCode::ArchiveLimitExceeded
    );
}

#[test]
fn deflated_dicom_bombs() {
    let mut bytes = Slice::new(0).bytes(uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN);
    let meta_end = {
        let length = u32::from_le_bytes(bytes[140..144].try_into().unwrap()) as usize;
        144 + length
    };
    bytes.truncate(meta_end);
    let mut encoder = DeflateEncoder::new(bytes, Compression::best());
    encoder.write_all(&vec![0u8; 16 << 20]).unwrap();
    let limits = Limits {
        file_bytes: 4 << 20,
        ..Limits::default()
    };
    assert_eq!(
        code_within(&encoder.finish().unwrap(), &limits),
        ReasonCode::ArchiveLimitExceeded
    );
}

#[test]
fn sizes_that_lie() {
    for (method, offset) in [
        (zip::CompressionMethod::Deflated, 24),
        (zip::CompressionMethod::Stored, 24),
        (zip::CompressionMethod::Stored, 20),
        (zip::CompressionMethod::Deflated, 20),
    ] {
        for lie in [1u32, 0x7FFF_FFFF, 300] {
            let mut bytes = zip_with(&study(1), method);
            for at in find_all(&bytes, b"PK\x01\x02") {
                bytes[at + offset..at + offset + 4].copy_from_slice(&lie.to_le_bytes());
            }
            let got = code(&bytes);
            assert!(
                matches!(
                    got,
                    ReasonCode::UnreadableArchive
                        | ReasonCode::ArchiveLimitExceeded
                        | ReasonCode::LyingLength
                        | ReasonCode::NoImagesFound
                        | ReasonCode::UnreadableDicom
                ),
                "{method:?} {offset} {lie}: {got}"
            );
        }
    }
}

#[test]
fn entries_that_overlap() {
    // Two directory entries for the same bytes.
    let single = zip_of(&study(1));
    let directory = find_all(&single, b"PK\x01\x02")[0];
    let end = find_all(&single, b"PK\x05\x06")[0];
    let mut bytes = single[..end].to_vec();
    bytes.extend_from_slice(&single[directory..end]);
    let mut tail = single[end..].to_vec();
    tail[8..10].copy_from_slice(&2u16.to_le_bytes());
    tail[10..12].copy_from_slice(&2u16.to_le_bytes());
    tail[12..16].copy_from_slice(&(2 * (end - directory) as u32).to_le_bytes());
    bytes.extend(tail);
    assert_eq!(code(&bytes), ReasonCode::UnreadableArchive);
}

#[test]
fn names_that_climb_out_and_links_are_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for name in [
        "../../evil.dcm",
        "/tmp/norma-evil.dcm",
        "C:\\evil.dcm",
        "a/../../../evil",
    ] {
        archive.start_file(name, options).unwrap();
        archive.write_all(&Slice::new(0).bytes(EXPLICIT)).unwrap();
    }
    archive.add_symlink("link", "/etc/passwd", options).unwrap();
    let path = folder.path().join("upload.zip");
    std::fs::write(&path, archive.finish().unwrap().into_inner()).unwrap();
    let studies = list_studies(&path, &Limits::default()).unwrap();
    assert_eq!(studies[0].file_count(), 4, "the link is no file");
    let series = load_chest_series(&studies[0], &Limits::default()).unwrap();
    assert_eq!(series.acquisition.duplicates_removed, 3);
    norma_imaging::extract_study(&studies[0], &folder.path().join("out.zip"), &Limits::default()).unwrap();
    let mut left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["out.zip", "upload.zip"]);
    assert!(!std::path::Path::new("/tmp/norma-evil.dcm").exists());
}

#[test]
fn damaged_entries_and_other_archives() {
    let mut bytes = zip_with(&study(1), zip::CompressionMethod::Stored);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xFF;
    assert_eq!(
        code(&bytes),
        ReasonCode::UnreadableArchive,
        "the checksum is wrong"
    );
    for magic in [
        &b"7z\xBC\xAF\x27\x1C\0\0"[..],
        b"Rar!\x1A\x07\0\0",
        b"\xFD7zXZ\0\0\0",
    ] {
        assert_eq!(code(magic), ReasonCode::UnreadableArchive);
    }
    let mut tar = vec![0u8; 1024];
    tar[257..262].copy_from_slice(b"ustar");
    assert_eq!(code(&tar), ReasonCode::UnreadableArchive);
    let mut in_gzip = GzEncoder::new(Vec::new(), Compression::default());
    in_gzip.write_all(&tar).unwrap();
    let in_gzip = in_gzip.finish().unwrap();
    assert_eq!(code(&in_gzip), ReasonCode::UnreadableArchive);
    assert_eq!(code(&in_gzip[..in_gzip.len() / 2]), ReasonCode::UnreadableArchive);
}

/// An explicit little-endian element with any length.
fn element(tag: u32, vr: [u8; 2], length: u32, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&((tag >> 16) as u16).to_le_bytes());
    bytes.extend_from_slice(&(tag as u16).to_le_bytes());
    bytes.extend_from_slice(&vr);
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(value);
    bytes
}

#[test]
fn element_lengths_that_lie() {
    let whole = Slice::new(0).bytes(EXPLICIT);
    let pixels = find_all(&whole, &[0xE0, 0x7F, 0x10, 0])[0];
    let before_pixels = &whole[..pixels];
    for (vr, length) in [
        (*b"OB", 0xFFFF_FFF0),
        (*b"UN", 0x7000_0000),
        (*b"SQ", 0x1000_0000),
        (*b"UT", 0x8000_0000),
    ] {
        let bytes = [before_pixels, &element(0x0029_1010, vr, length, b"short")].concat();
        assert_eq!(code(&bytes), ReasonCode::LyingLength, "{vr:?}");
    }
    let pixels_too_long = [
        before_pixels,
        &element(0x7FE0_0010, *b"OW", 0x7FFF_FFFE, &[0; 64]),
    ]
    .concat();
    assert_eq!(code(&pixels_too_long), ReasonCode::LyingLength);
    // Sequences without an end, in themselves.
    let opened = element(
        0x0029_1010,
        *b"SQ",
        0xFFFF_FFFF,
        &[0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF],
    );
    let bottomless = [before_pixels, &opened.repeat(10_000)].concat();
    assert_eq!(code(&bottomless), ReasonCode::UnreadableDicom);
    let item_too_long = element(
        0x0029_1010,
        *b"SQ",
        0xFFFF_FFFF,
        &[0xFE, 0xFF, 0x00, 0xE0, 0xF0, 0xFF, 0xFF, 0x7F],
    );
    assert_eq!(
        code(&[before_pixels, &item_too_long].concat()),
        ReasonCode::LyingLength
    );
    let text_without_end = element(0x0029_1010, *b"UT", 0xFFFF_FFFF, &[0; 64]);
    assert_eq!(
        code(&[before_pixels, &text_without_end].concat()),
        ReasonCode::UnreadableDicom
    );
}

#[test]
fn codestreams_that_claim_another_size() {
    let sizes: [(&str, Vec<u8>); 4] = [
        // 65,500 × 65,500 in a frame header of JPEG lossless, JPEG-LS, JPEG 2000; RLE with segments elsewhere.
        (
            uids::JPEG_LOSSLESS_SV1,
            [
                &[
                    0xFF, 0xD8, 0xFF, 0xC3, 0, 11, 16, 0xFF, 0xDC, 0xFF, 0xDC, 1, 1, 0x11, 0,
                ][..],
                &[0; 64],
            ]
            .concat(),
        ),
        (
            uids::JPEGLS_LOSSLESS,
            [
                &[
                    0xFF, 0xD8, 0xFF, 0xF7, 0, 11, 16, 0xFF, 0xDC, 0xFF, 0xDC, 1, 1, 0x11, 0,
                ][..],
                &[0; 64],
            ]
            .concat(),
        ),
        (
            uids::JPEG2000_LOSSLESS,
            [
                &[
                    0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0, 0, 0, 0xFF, 0xDC, 0, 0, 0xFF, 0xDC,
                ][..],
                &[0; 64],
            ]
            .concat(),
        ),
        (
            uids::RLE_LOSSLESS,
            [&2u32.to_le_bytes()[..], &[0xFF; 124]].concat(),
        ),
    ];
    for (syntax, codestream) in sizes {
        let mut object = Slice::new(0).data_set();
        put_fragments(&mut object, vec![codestream]);
        assert_eq!(
            code(&write_as(object, syntax)),
            ReasonCode::UndecodablePixels,
            "{syntax}"
        );
    }
}

#[test]
fn mutated_files_never_panic() {
    let slice = Slice::new(0);
    let mut rle = slice.data_set();
    put_fragments(&mut rle, vec![rle_frame(&slice.pixels)]);
    let mut seeds: Vec<Vec<u8>> = [
        EXPLICIT,
        uids::IMPLICIT_VR_LITTLE_ENDIAN,
        BIG_ENDIAN,
        uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        uids::JPEGLS_LOSSLESS,
        uids::JPEGXL_LOSSLESS,
    ]
    .iter()
    .map(|syntax| slice.bytes(syntax))
    .collect();
    seeds.push(write_as(rle, uids::RLE_LOSSLESS));
    let mut htj2k = slice.data_set();
    put_fragments(
        &mut htj2k,
        vec![include_bytes!("reference/htj2k_ramp.j2c").to_vec()],
    );
    seeds.push(write_as(htj2k, uids::HTJ2K_LOSSLESS));
    seeds.push(zip_of(&study(2)));
    seeds.push(zip_of(&[("inner.zip".into(), zip_of(&study(2)))]));
    let limits = Limits {
        uncompressed_bytes: 64 << 20,
        file_bytes: 16 << 20,
        ..Limits::default()
    };
    let mut random = StdRng::seed_from_u64(7);
    let (mut loaded, mut rejected) = (0, 0);
    for seed in &seeds {
        for _ in 0..150 {
            let mut bytes = seed.clone();
            for _ in 0..random.random_range(1..8) {
                let at = random.random_range(0..bytes.len());
                match random.random_range(0..4) {
                    0 => bytes[at] = random.random(),
                    1 => bytes[at] ^= 1 << random.random_range(0..8),
                    2 => bytes.truncate(at.max(1)),
                    _ => {
                        let end = (at + 4).min(bytes.len());
                        bytes[at..end].fill(0xFF);
                    }
                }
            }
            let upload = Upload::file(&bytes);
            let result = list_upload(&upload.path, &limits)
                .and_then(|listing| load_chest_series(&listing.studies[0], &limits));
            match result {
                Ok(_) => loaded += 1,
                Err(error) => {
                    assert!(!error.is_retryable(), "{error:?}");
                    rejected += 1;
                }
            }
        }
    }
    println!("{loaded} loaded, {rejected} rejected");
    assert!(loaded > 0 && rejected > 0);
}
