//! Small uploads that would cost much: refused by name before the work is done.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

mod support;

use std::io::Write;
use std::time::{Duration, Instant};

use dicom_dictionary_std::{tags, uids};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use norma_domain::ReasonCode;
use norma_imaging::{Limits, list_studies, load_chest_series};
use zip::CompressionMethod;

use support::archives::{Upload, numbered, zip_of, zip_with};
use support::dicom_files::{Slice, put_fragments, put_pixels, put_u16, write_as, write_file};

/// The code an upload is rejected with.
fn code_within(bytes: &[u8], limits: &Limits) -> ReasonCode {
    let upload = Upload::file(bytes);
    let error = list_studies(&upload.path, limits)
        .and_then(|studies| load_chest_series(&studies[0], limits))
        .map(|series| series.volume.geometry.shape)
        .unwrap_err();
    assert!(!error.is_retryable(), "{error:?}");
    error.reason().code
}

fn code(bytes: &[u8]) -> ReasonCode {
    code_within(bytes, &Limits::default())
}

/// Slices of JPEG 2000 that are said to be of so many rows and columns; whatever `behind` holds stands in the fragment.
fn slices_of(side: u16, count: usize, behind: usize) -> Vec<(String, Vec<u8>)> {
    numbered((0..count).map(|number| {
        let mut object = Slice::new(number).data_set();
        put_u16(&mut object, tags::ROWS, side);
        put_u16(&mut object, tags::COLUMNS, side);
        let mut codestream = vec![0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0];
        for word in [
            u32::from(side),
            u32::from(side),
            0,
            0,
            u32::from(side),
            u32::from(side),
            0,
            0,
        ] {
            codestream.extend(word.to_be_bytes());
        }
        codestream.extend([0, 1, 15, 1, 1]);
        codestream.resize(codestream.len() + behind, 0);
        put_fragments(&mut object, vec![codestream]);
        write_as(object, uids::JPEG2000_LOSSLESS)
    }))
}

#[test]
fn a_small_file_that_claims_a_huge_matrix() {
    let begin = Instant::now();
    // A frame that no scanner makes, whatever lies behind it.
    for behind in [0, 600_000] {
        assert_eq!(
            code(&zip_of(&slices_of(16_384, 2, behind))),
            ReasonCode::VolumeTooLarge
        );
    }
    // Frames that one may, of so few bytes: filled up with zeros, and the archive packed twice, they are no more.
    for behind in [64, 100_000] {
        let archive = zip_of(&slices_of(5000, 2, behind));
        assert_eq!(code(&archive), ReasonCode::LyingLength, "{behind}");
        let packed = zip_of(&[(
            "inner.zip".to_owned(),
            zip_with(&slices_of(5000, 2, behind), CompressionMethod::Stored),
        )]);
        assert_eq!(code(&packed), ReasonCode::LyingLength, "{behind} in two archives");
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "nothing was decoded");
}

/// A deflated slice whose pixels are said to be, and are, so many zeros.
fn deflated_slice(number: usize, zeros: usize) -> Vec<u8> {
    let mut object = Slice::new(number).data_set();
    put_u16(&mut object, tags::ROWS, 2048);
    put_u16(&mut object, tags::COLUMNS, u16::try_from(zeros / 4096).unwrap());
    put_pixels(&mut object, &vec![0; zeros / 2]);
    write_file(object, uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)
}

#[test]
fn deflated_pixels_cost_nothing_before_they_are_read_and_count_then() {
    let files = numbered((0..16).map(|number| deflated_slice(number, 4 << 20)));
    let packed: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let upload = Upload::file(&zip_of(&files));
    let received = std::fs::metadata(&upload.path).unwrap().len();
    assert!(received < 60_000, "{received} bytes that hold 64 MB");
    // The files as they lie in the archive, and a header of each.
    let limits = Limits {
        uncompressed_bytes: packed as u64 + 16 * (16 << 10),
        ..Limits::default()
    };
    let studies = list_studies(&upload.path, &limits).unwrap();
    assert_eq!(studies[0].file_count(), 16);
    let error = load_chest_series(&studies[0], &limits).map(|_| ()).unwrap_err();
    assert!(
        matches!(
            error.reason().code,
            ReasonCode::ArchiveLimitExceeded | ReasonCode::LyingLength
        ),
        "{error}"
    );
}

#[test]
fn layers_that_unpack_to_much_count_together() {
    let limits = Limits {
        ratio_free_bytes: 10 << 20,
        ..Limits::default()
    };
    let gzipped = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    // Elements without an end, each file below what is free.
    let mut endless = Slice::new(0).bytes(uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN);
    let length = u32::from_le_bytes(endless[140..144].try_into().unwrap()) as usize;
    endless.truncate(144 + length);
    let mut encoder = DeflateEncoder::new(endless, Compression::best());
    encoder.write_all(&vec![0u8; 4 << 20]).unwrap();
    let endless = encoder.finish().unwrap();
    let zeros = gzipped(&vec![0u8; 4 << 20]);
    let archive = gzipped(&zip_with(
        &[("zeros".to_owned(), vec![0u8; 4 << 20])],
        CompressionMethod::Stored,
    ));
    for (kind, file) in [("deflated", endless), ("gzip", zeros), ("zip in gzip", archive)] {
        let one = zip_of(&[(kind.to_owned(), file.clone())]);
        assert_ne!(
            code_within(&one, &limits),
            ReasonCode::ArchiveLimitExceeded,
            "{kind}"
        );
        let many: Vec<_> = (0..20)
            .map(|number| (format!("{number}"), file.clone()))
            .collect();
        assert_eq!(
            code_within(&zip_of(&many), &limits),
            ReasonCode::ArchiveLimitExceeded,
            "{kind}"
        );
    }
}
