//! Target: the bytes of an upload, from the archive to the pixels.

use std::cell::RefCell;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use dicom_dictionary_std::uids;
use flate2::Crc;
use norma_imaging::{ImagingError, Limits, list_upload, load_chest_series};
use tempfile::NamedTempFile;

/// Transfer syntaxes of frames; their place is the second byte of an input of the kind [`Wrapping::Frame`].
pub const TRANSFER_SYNTAXES: [&str; 13] = [
    uids::EXPLICIT_VR_LITTLE_ENDIAN,
    uids::RLE_LOSSLESS,
    uids::JPEG_BASELINE8_BIT,
    uids::JPEG_EXTENDED12_BIT,
    uids::JPEG_LOSSLESS_SV1,
    uids::JPEGLS_LOSSLESS,
    uids::JPEGLS_NEAR_LOSSLESS,
    uids::JPEG2000_LOSSLESS,
    uids::JPEG2000,
    uids::HTJ2K_LOSSLESS,
    uids::JPEGXL_LOSSLESS,
    uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN,
    "1.2.840.10008.1.2.8.1",
];

/// What an input may cost, so that executions stay quick.
fn limits() -> Limits {
    Limits {
        archive_entries: 64,
        uncompressed_bytes: 4 << 20,
        compression_ratio: 200,
        ratio_free_bytes: 1 << 20,
        archive_nesting: 3,
        file_bytes: 1 << 20,
        header_bytes: 64 << 10,
        voxels: 1 << 16,
        frame_pixels: 1 << 16,
    }
}

/// How the rest of an input becomes an upload; its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// As it is.
    Plain,
    /// The stored member of a zip archive with the right checksum.
    ZipMember,
    /// A gzip file of stored blocks with the right checksum.
    Gzip,
    /// A frame of a CT slice: transfer syntax, rows, columns, bits allocated and stored come first.
    Frame,
}

impl Wrapping {
    const ALL: [Self; 4] = [Self::Plain, Self::ZipMember, Self::Gzip, Self::Frame];

    /// An input whose `content` is wrapped so.
    pub fn input(self, content: &[u8]) -> Vec<u8> {
        let kind = Self::ALL.iter().position(|known| *known == self).unwrap_or(0);
        let mut input = vec![u8::try_from(kind).unwrap_or(0)];
        input.extend_from_slice(content);
        input
    }
}

/// Bytes that describe a frame before its codestream.
const FRAME_HEAD_BYTES: usize = 7;

/// The content of a [`Wrapping::Frame`] input.
pub fn frame_content(syntax: u8, rows: u16, columns: u16, bits: (u8, u8), codestream: &[u8]) -> Vec<u8> {
    let mut content = vec![syntax];
    content.extend_from_slice(&rows.to_le_bytes());
    content.extend_from_slice(&columns.to_le_bytes());
    content.extend_from_slice(&[bits.0, bits.1]);
    content.extend_from_slice(codestream);
    content
}

/// The upload that an input stands for.
pub fn upload_of(input: &[u8]) -> Vec<u8> {
    let Some((kind, content)) = input.split_first() else {
        return Vec::new();
    };
    match Wrapping::ALL[usize::from(*kind) % Wrapping::ALL.len()] {
        Wrapping::Plain => content.to_vec(),
        Wrapping::ZipMember => zip_of(content),
        Wrapping::Gzip => gzip_of(content),
        Wrapping::Frame => match content.split_first_chunk::<FRAME_HEAD_BYTES>() {
            Some((head, codestream)) => dicom_of(*head, codestream),
            None => content.to_vec(),
        },
    }
}

fn zip_of(content: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive
        .start_file("a", stored)
        .expect("the name and size fit into an archive");
    archive.write_all(content).expect("memory takes it");
    archive.finish().expect("memory takes it").into_inner()
}

fn gzip_of(content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = content.chunks(usize::from(u16::MAX)).peekable();
    if blocks.peek().is_none() {
        bytes.extend_from_slice(&[1, 0, 0, 0xFF, 0xFF]);
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        bytes.push(u8::from(blocks.peek().is_none()));
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&(!length).to_le_bytes());
        bytes.extend_from_slice(block);
    }
    let mut crc = Crc::new();
    crc.update(content);
    bytes.extend_from_slice(&crc.sum().to_le_bytes());
    bytes.extend_from_slice(&crc.amount().to_le_bytes());
    bytes
}

/// A CT slice in explicit VR little endian around the codestream.
fn dicom_of(head: [u8; FRAME_HEAD_BYTES], codestream: &[u8]) -> Vec<u8> {
    let [
        syntax,
        rows_low,
        rows_high,
        columns_low,
        columns_high,
        allocated,
        stored,
    ] = head;
    let syntax = TRANSFER_SYNTAXES[usize::from(syntax) % TRANSFER_SYNTAXES.len()];
    let mut meta = Vec::new();
    put(&mut meta, 0x0002_0002, *b"UI", uids::CT_IMAGE_STORAGE.as_bytes());
    put(&mut meta, 0x0002_0010, *b"UI", syntax.as_bytes());
    let mut file = vec![0; 128];
    file.extend_from_slice(b"DICM");
    let length = u32::try_from(meta.len()).unwrap_or(0);
    put(&mut file, 0x0002_0000, *b"UL", &length.to_le_bytes());
    file.extend_from_slice(&meta);
    let allocated = u16::from(allocated);
    let stored = u16::from(stored);
    for (tag, vr, value) in [
        (0x0008_0008, *b"CS", &b"ORIGINAL\\PRIMARY\\AXIAL"[..]),
        (0x0008_0016, *b"UI", uids::CT_IMAGE_STORAGE.as_bytes()),
        (0x0008_0018, *b"UI", b"1.2.3.1"),
        (0x0008_0060, *b"CS", b"CT"),
        (0x0020_000D, *b"UI", b"1.2"),
        (0x0020_000E, *b"UI", b"1.2.3"),
        (0x0020_0032, *b"DS", b"0\\0\\0"),
        (0x0020_0037, *b"DS", b"1\\0\\0\\0\\1\\0"),
        (0x0028_0002, *b"US", &1_u16.to_le_bytes()),
        (0x0028_0004, *b"CS", b"MONOCHROME2"),
        (0x0028_0010, *b"US", &[rows_low, rows_high]),
        (0x0028_0011, *b"US", &[columns_low, columns_high]),
        (0x0028_0030, *b"DS", b"0.5\\0.5"),
        (0x0028_0100, *b"US", &allocated.to_le_bytes()),
        (0x0028_0101, *b"US", &stored.to_le_bytes()),
        (0x0028_0102, *b"US", &stored.saturating_sub(1).to_le_bytes()),
        (0x0028_0103, *b"US", &0_u16.to_le_bytes()),
        (0x0028_1052, *b"DS", b"-1024"),
        (0x0028_1053, *b"DS", b"1"),
    ] {
        put(&mut file, tag, vr, value);
    }
    let is_native = syntax == uids::EXPLICIT_VR_LITTLE_ENDIAN;
    let size = u32::try_from(codestream.len().next_multiple_of(2)).unwrap_or(u32::MAX);
    file.extend_from_slice(&[0xE0, 0x7F, 0x10, 0x00]);
    file.extend_from_slice(if is_native { b"OW\0\0" } else { b"OB\0\0" });
    if is_native {
        file.extend_from_slice(&size.to_le_bytes());
    } else {
        file.extend_from_slice(&u32::MAX.to_le_bytes());
        file.extend_from_slice(&[0xFE, 0xFF, 0x00, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0x00, 0xE0]);
        file.extend_from_slice(&size.to_le_bytes());
    }
    file.extend_from_slice(codestream);
    if codestream.len() % 2 == 1 {
        file.push(0);
    }
    if !is_native {
        file.extend_from_slice(&[0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    }
    file
}

/// An element with a short length; the value is padded to an even one.
fn put(bytes: &mut Vec<u8>, tag: u32, vr: [u8; 2], value: &[u8]) {
    let padding = if vr == *b"UI" { 0 } else { b' ' };
    let length = u16::try_from(value.len().next_multiple_of(2)).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&u16::try_from(tag >> 16).unwrap_or(0).to_le_bytes());
    bytes.extend_from_slice(&u16::try_from(tag & 0xFFFF).unwrap_or(0).to_le_bytes());
    bytes.extend_from_slice(&vr);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(value);
    if value.len() % 2 == 1 {
        bytes.push(padding);
    }
}

thread_local! {
    static SCRATCH: RefCell<NamedTempFile> = RefCell::new(scratch_file());
}

/// In memory where the system has such a folder.
fn scratch_file() -> NamedTempFile {
    let memory = Path::new("/dev/shm");
    let file = if memory.is_dir() {
        NamedTempFile::new_in(memory)
    } else {
        NamedTempFile::new()
    };
    file.expect("a scratch file can be made")
}

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Loaded,
    Rejected,
}

/// Reads the upload that `input` stands for, to the pixels of each of its studies.
///
/// # Panics
/// Where the code under test breaks its rules.
pub fn run(input: &[u8]) -> Outcome {
    let upload = upload_of(input);
    SCRATCH.with_borrow_mut(|file| {
        let path = file.path().to_owned();
        let file = file.as_file_mut();
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(&upload))
            .expect("the scratch file can be written");
        read(&path)
    })
}

fn read(upload: &Path) -> Outcome {
    let limits = limits();
    let listing = match list_upload(upload, &limits) {
        Ok(listing) => listing,
        Err(error) => return check_error(&error),
    };
    for rejected in &listing.rejected {
        check_error(&rejected.error);
    }
    let mut outcome = Outcome::Rejected;
    for study in &listing.studies {
        match load_chest_series(study, &limits) {
            Ok(series) => {
                let volume = &series.volume;
                let voxels: usize = volume.geometry.shape.iter().product();
                assert_eq!(volume.hounsfield.len(), voxels, "the geometry tells another size");
                assert!(
                    u64::try_from(voxels).is_ok_and(|voxels| voxels <= limits.voxels),
                    "more voxels than allowed"
                );
                outcome = Outcome::Loaded;
            }
            Err(error) => {
                check_error(&error);
            }
        }
    }
    outcome
}

/// Whatever is wrong is the input's fault.
fn check_error(error: &ImagingError) -> Outcome {
    assert!(
        !error.is_retryable(),
        "the input is taken for this machine's fault: {error:?}"
    );
    Outcome::Rejected
}
