//! What the targets start from: generated inputs, and the small files of the robustness set where it is at hand.

use std::io::{Cursor, Write};
use std::path::Path;

use dicom_core::value::Value;
use dicom_dictionary_std::tags;
use dicom_object::open_file;
use norma_test_support::real_data;

use crate::archive::{TRANSFER_SYNTAXES, Wrapping, frame_content, upload_of};
use crate::multipart::{BOUNDARY, input};

/// Larger files make executions slow.
const LARGEST_SEED_BYTES: u64 = 12 << 10;
const ROWS: u16 = 8;
const COLUMNS: u16 = 12;

/// Inputs of the target `archive`.
pub fn archive() -> Vec<Vec<u8>> {
    let mut seeds = generated_archives();
    if let Some(folder) = real_data() {
        seeds.extend(robustness(&folder.join("robustness.tar.gz")));
    }
    seeds
}

fn generated_archives() -> Vec<Vec<u8>> {
    let native: Vec<u8> = (0..u32::from(ROWS) * u32::from(COLUMNS) * 2)
        .map(|index| (index * 7 % 251) as u8)
        .collect();
    let rle = rle_frame(&native);
    let mut seeds: Vec<Vec<u8>> = TRANSFER_SYNTAXES
        .iter()
        .zip(0..)
        .map(|(_, syntax)| {
            let codestream: &[u8] = match syntax {
                1 => &rle,
                2..=4 => &[0xFF, 0xD8, 0xFF, 0xC3, 0, 11, 12, 0, 8, 0, 12, 1, 1, 0x11, 0],
                5 | 6 => &[0xFF, 0xD8, 0xFF, 0xF7, 0, 11, 12, 0, 8, 0, 12, 1, 1, 0x11, 0],
                7..=9 => &[0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0, 0, 0, 0, 12, 0, 0, 0, 8],
                10 => &[0xFF, 0x0A, 0x20, 0x40],
                _ => &native,
            };
            Wrapping::Frame.input(&frame_content(syntax, ROWS, COLUMNS, (16, 12), codestream))
        })
        .collect();
    let slice = upload_of(&seeds[0]);
    let nifti = nifti();
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, method) in [
        ("a/1.dcm", zip::CompressionMethod::Stored),
        ("a/2.dcm", zip::CompressionMethod::Deflated),
    ] {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        archive
            .start_file(name, options)
            .expect("the name and size fit into an archive");
        archive.write_all(&slice).expect("memory takes it");
    }
    let archive = archive.finish().expect("memory takes it").into_inner();
    for content in [slice, nifti, archive] {
        for wrapping in [Wrapping::Plain, Wrapping::ZipMember, Wrapping::Gzip] {
            seeds.push(wrapping.input(&content));
        }
    }
    seeds
}

/// One segment for each byte of a sample, all literals (PS3.5 annex G).
fn rle_frame(native: &[u8]) -> Vec<u8> {
    let mut segments: Vec<Vec<u8>> = Vec::new();
    for byte in [1, 0] {
        let plane: Vec<u8> = native.chunks_exact(2).map(|sample| sample[byte]).collect();
        let mut segment = Vec::new();
        for run in plane.chunks(128) {
            segment.push(u8::try_from(run.len() - 1).unwrap_or(0));
            segment.extend_from_slice(run);
        }
        segments.push(segment);
    }
    let mut frame = vec![0; 64];
    frame[0] = 2;
    frame[4] = 64;
    frame[8..10].copy_from_slice(&(64 + segments[0].len() as u16).to_le_bytes());
    frame.extend(segments.concat());
    frame
}

/// A NIfTI-1 file of 6 × 5 × 4 int16 voxels.
fn nifti() -> Vec<u8> {
    let mut file = vec![0; 352];
    file[..4].copy_from_slice(&348_i32.to_le_bytes());
    for (index, size) in [3_i16, 6, 5, 4, 1, 1, 1, 1].into_iter().enumerate() {
        file[40 + index * 2..42 + index * 2].copy_from_slice(&size.to_le_bytes());
    }
    file[70..72].copy_from_slice(&4_i16.to_le_bytes());
    file[72..74].copy_from_slice(&16_i16.to_le_bytes());
    for (index, size) in [1.0_f32, 0.8, 0.8, 2.0].into_iter().enumerate() {
        file[76 + index * 4..80 + index * 4].copy_from_slice(&size.to_le_bytes());
    }
    file[108..112].copy_from_slice(&352_f32.to_le_bytes());
    file[112..116].copy_from_slice(&1_f32.to_le_bytes());
    file[254..256].copy_from_slice(&1_i16.to_le_bytes());
    for (row, offset) in [280, 296, 312].into_iter().enumerate() {
        let place = offset + row * 4;
        file[place..place + 4].copy_from_slice(&1_f32.to_le_bytes());
    }
    file[344..348].copy_from_slice(b"n+1\0");
    file.extend((0..240_u32).map(|index| (index % 251) as u8));
    file
}

/// Small real files as they are, and the codestreams in them.
fn robustness(archive: &Path) -> Vec<Vec<u8>> {
    let Ok(folder) = tempfile::tempdir() else {
        return Vec::new();
    };
    let unpacked = std::process::Command::new("tar")
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(folder.path())
        .status();
    if !unpacked.is_ok_and(|status| status.success()) {
        return Vec::new();
    }
    let mut seeds = Vec::new();
    let mut open = vec![folder.path().to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "dcm") {
                if std::fs::metadata(&path).is_ok_and(|file| file.len() <= LARGEST_SEED_BYTES)
                    && let Ok(bytes) = std::fs::read(&path)
                {
                    seeds.push(Wrapping::Plain.input(&bytes));
                }
                seeds.extend(codestream_of(&path));
            }
        }
    }
    seeds.sort();
    seeds
}

/// The first frame of an encapsulated file. None where it is large or the file cannot be read.
fn codestream_of(path: &Path) -> Option<Vec<u8>> {
    // The one file that makes the parser take gigabytes.
    if path.file_name().is_some_and(|name| name == "UN_sequence.dcm") {
        return None;
    }
    let object = open_file(path).ok()?;
    let number = |tag| object.element(tag).ok()?.to_int::<u16>().ok();
    let syntax = object.meta().transfer_syntax().trim_end_matches('\0');
    let syntax = TRANSFER_SYNTAXES.iter().position(|known| *known == syntax)?;
    let Value::PixelSequence(pixels) = object.element(tags::PIXEL_DATA).ok()?.value() else {
        return None;
    };
    let codestream = pixels.fragments().first()?;
    let bits = |tag| number(tag).and_then(|bits| u8::try_from(bits).ok());
    (codestream.len() as u64 <= LARGEST_SEED_BYTES).then(|| {
        Wrapping::Frame.input(&frame_content(
            u8::try_from(syntax).unwrap_or(0),
            number(tags::ROWS).unwrap_or(ROWS),
            number(tags::COLUMNS).unwrap_or(COLUMNS),
            (
                bits(tags::BITS_ALLOCATED).unwrap_or(16),
                bits(tags::BITS_STORED).unwrap_or(16),
            ),
            codestream,
        ))
    })
}

/// Inputs of the target `multipart`.
pub fn multipart() -> Vec<Vec<u8>> {
    let file = part(
        "form-data; name=\"file\"; filename=\"chest.zip\"",
        "PK\x05\x06 bytes",
    );
    let patient = part(
        "form-data; name=\"patient_id\"",
        "01890000-0000-7000-8000-000000000000",
    );
    let description = part("form-data; name=\"description\"", "боль в груди");
    let end = format!("--{BOUNDARY}--\r\n");
    let forms = [
        format!("{file}{end}"),
        format!("{patient}{description}{file}{end}"),
        format!("{file}{file}{end}"),
        format!("preamble\r\n{description}{file}{end}epilogue"),
        format!("{}{end}", part("form-data; name=\"file\"", "no name")),
        format!(
            "{}{end}",
            part(
                "form-data; name=\"file\"; filename*=UTF-8''%D1%81%2F..%0d%0aX.zip",
                "x"
            )
        ),
        format!(
            "{}{end}",
            part("form-data; name=\"file\"; filename=\"..\\..\\a\\\"b;c.zip\"", "x")
        ),
        format!(
            "{}{end}",
            part(
                "form-data; name=\"file\"; filename=\"a\"\r\nContent-Type: multipart/mixed; boundary=b",
                "--b--"
            )
        ),
        format!(
            "{}{end}",
            part(
                "form-data; name=\"file\"; filename=\"a\"\r\nContent-Length: 3",
                "abc"
            )
        ),
        format!("{}{end}", part("attachment; name=\"file\"", "x")),
        part("form-data; name=\"file\"", &"x".repeat(3000)),
    ];
    forms
        .iter()
        .flat_map(|form| [1, 255].map(|chunk| input(chunk, form.as_bytes())))
        .collect()
}

fn part(disposition: &str, content: &str) -> String {
    format!("--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n{content}\r\n")
}
