//! The phantom as a DICOM series: CT Image Storage (DICOM PS3.3 A.3), one file per slice.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;

use anyhow::Context;
use dicom_core::value::{PixelFragmentSequence, PrimitiveValue};
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileDicomObject, FileMetaTableBuilder, InMemDicomObject};
use dicom_transfer_syntax_registry::entries;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use norma_domain::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};
use norma_volume::Volume;
use rayon::prelude::*;
use zip::write::SimpleFileOptions;

use crate::{PhantomOptions, TransferSyntax, phantom_volume};

/// Stored value = Hounsfield units + 1024, as scanners write them.
const RESCALE_INTERCEPT: i16 = -1024;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhantomSeries {
    pub study_instance_uid: StudyInstanceUid,
    pub series_instance_uid: SeriesInstanceUid,
    /// By slice, the missing ones left out.
    pub sop_instance_uids: Vec<SopInstanceUid>,
}

/// Writes the phantom into `folder` (made if need be) as `IM0001.dcm` and so on.
///
/// UIDs follow from the options' seed and kind: the same options give the same files.
///
/// # Errors
/// Where a file cannot be written.
pub fn write_phantom_series(options: &PhantomOptions, folder: &Path) -> anyhow::Result<PhantomSeries> {
    std::fs::create_dir_all(folder).context("failed to make the phantom's folder")?;
    let (series, files) = encode(options)?;
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).context("failed to write a slice of the phantom")?;
    }
    Ok(series)
}

/// Writes the phantom as a zip archive with one folder, as a PACS exports it.
///
/// # Errors
/// Where the file cannot be written.
pub fn phantom_zip(options: &PhantomOptions, path: &Path) -> anyhow::Result<PhantomSeries> {
    let file = File::create(path).context("failed to create the phantom's archive")?;
    write_zip(options, file)
}

fn write_zip(options: &PhantomOptions, file: impl Write + Seek) -> anyhow::Result<PhantomSeries> {
    let (series, files) = encode(options)?;
    let mut archive = zip::ZipWriter::new(file);
    // Level 1: pixels with noise hardly shrink further.
    let settings = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .compression_level(Some(1))
        .last_modified_time(zip::DateTime::default());
    for (name, bytes) in files {
        archive.start_file(format!("PHANTOM/{name}"), settings)?;
        archive.write_all(&bytes)?;
    }
    archive.finish()?;
    Ok(series)
}

type NamedFile = (String, Vec<u8>);

fn encode(options: &PhantomOptions) -> anyhow::Result<(PhantomSeries, Vec<NamedFile>)> {
    let volume = phantom_volume(options);
    let root = uid_root(options);
    let kept: Vec<usize> = (0..options.slices)
        .filter(|slice| !options.missing_slices.contains(slice))
        .collect();
    let files = kept
        .par_iter()
        .map(|&slice| {
            let bytes = slice_object(options, &volume, slice, &root)
                .and_then(|object| file_bytes(&object, options.transfer_syntax))
                .context("failed to encode a slice of the phantom")?;
            Ok((format!("IM{:04}.dcm", slice + 1), bytes))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let series = PhantomSeries {
        study_instance_uid: StudyInstanceUid::new(&format!("{root}.1"))?,
        series_instance_uid: SeriesInstanceUid::new(&format!("{root}.1.1"))?,
        sop_instance_uids: kept
            .iter()
            .map(|slice| SopInstanceUid::new(&instance_uid(&root, *slice)))
            .collect::<Result<_, _>>()?,
    };
    Ok((series, files))
}

/// The file of an object: preamble, meta information, data set.
fn file_bytes(
    object: &FileDicomObject<InMemDicomObject>,
    transfer_syntax: TransferSyntax,
) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if transfer_syntax != TransferSyntax::DeflatedExplicitLittleEndian {
        object.write_all(&mut bytes)?;
        return Ok(bytes);
    }
    // DICOM PS3.5 A.5: the meta information stays as it is, the data set is deflated without a zlib header.
    bytes.extend_from_slice(&[0; 128]);
    bytes.extend_from_slice(b"DICM");
    object.meta().write(&mut bytes)?;
    let mut plain = Vec::new();
    (**object).write_dataset_with_ts(&mut plain, &entries::EXPLICIT_VR_LITTLE_ENDIAN.erased())?;
    let mut deflater = DeflateEncoder::new(&mut bytes, Compression::fast());
    deflater.write_all(&plain)?;
    deflater.finish()?;
    // A deflated data set of odd length is padded.
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    Ok(bytes)
}

/// A UID made of a UUID's form (DICOM PS3.5 B.2), here of a hash of the options.
fn uid_root(options: &PhantomOptions) -> String {
    // FNV-1a over the options' debug form: stable for the same options and version.
    let hash = format!("{options:?}")
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
    format!("2.25.{hash}")
}

fn instance_uid(root: &str, slice: usize) -> String {
    format!("{root}.1.1.{}", slice + 1)
}

fn slice_object(
    options: &PhantomOptions,
    volume: &Volume,
    slice: usize,
    root: &str,
) -> anyhow::Result<FileDicomObject<InMemDicomObject>> {
    let geometry = &volume.geometry;
    let position = geometry.position_mm([slice as f64, 0.0, 0.0]);
    let [_, down, across] = geometry.direction;
    let mut object = InMemDicomObject::new_empty();
    let mut text = |tag: Tag, vr: VR, value: String| {
        object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
    };
    text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 100".into());
    text(tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\AXIAL".into());
    text(tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE.into());
    text(tags::SOP_INSTANCE_UID, VR::UI, instance_uid(root, slice));
    text(tags::STUDY_DATE, VR::DA, "20260101".into());
    text(tags::STUDY_TIME, VR::TM, "120000".into());
    text(tags::ACCESSION_NUMBER, VR::SH, String::new());
    text(tags::MODALITY, VR::CS, "CT".into());
    text(tags::MANUFACTURER, VR::LO, "Norma".into());
    text(tags::MANUFACTURER_MODEL_NAME, VR::LO, "Phantom".into());
    text(tags::REFERRING_PHYSICIAN_NAME, VR::PN, String::new());
    text(tags::STUDY_DESCRIPTION, VR::LO, "PHANTOM CHEST".into());
    text(tags::SERIES_DESCRIPTION, VR::LO, "CHEST".into());
    let patient = &options.patient;
    text(tags::PATIENT_NAME, VR::PN, patient.name.clone());
    let id = patient.id.clone();
    text(
        tags::PATIENT_ID,
        VR::LO,
        id.unwrap_or_else(|| format!("PHANTOM-{}", options.seed)),
    );
    text(tags::PATIENT_BIRTH_DATE, VR::DA, patient.birth_date.clone());
    if patient.is_nobody {
        text(tags::PATIENT_IDENTITY_REMOVED, VR::CS, "YES".into());
        text(
            tags::DEIDENTIFICATION_METHOD,
            VR::LO,
            "generated, no person".into(),
        );
    }
    text(tags::PATIENT_SEX, VR::CS, "O".into());
    text(tags::PATIENT_AGE, VR::AS, "060Y".into());
    text(tags::BODY_PART_EXAMINED, VR::CS, "CHEST".into());
    if options.contrast {
        text(tags::CONTRAST_BOLUS_AGENT, VR::LO, "IV".into());
    }
    text(
        tags::SLICE_THICKNESS,
        VR::DS,
        decimal(f64::from(options.spacing_mm)),
    );
    text(tags::KVP, VR::DS, "120".into());
    text(
        tags::GANTRY_DETECTOR_TILT,
        VR::DS,
        decimal(f64::from(options.tilt_degrees)),
    );
    text(tags::CONVOLUTION_KERNEL, VR::SH, "STANDARD".into());
    text(tags::PATIENT_POSITION, VR::CS, "HFS".into());
    text(tags::STUDY_INSTANCE_UID, VR::UI, format!("{root}.1"));
    text(tags::SERIES_INSTANCE_UID, VR::UI, format!("{root}.1.1"));
    text(tags::STUDY_ID, VR::SH, "1".into());
    text(tags::SERIES_NUMBER, VR::IS, "1".into());
    text(tags::ACQUISITION_NUMBER, VR::IS, "1".into());
    // Scanners number from the head downwards.
    text(
        tags::INSTANCE_NUMBER,
        VR::IS,
        (options.slices - slice).to_string(),
    );
    text(tags::IMAGE_POSITION_PATIENT, VR::DS, decimals(&position));
    text(
        tags::IMAGE_ORIENTATION_PATIENT,
        VR::DS,
        decimals(&[across[0], across[1], across[2], down[0], down[1], down[2]]),
    );
    text(tags::FRAME_OF_REFERENCE_UID, VR::UI, format!("{root}.2"));
    text(tags::POSITION_REFERENCE_INDICATOR, VR::LO, String::new());
    text(tags::SLICE_LOCATION, VR::DS, decimal(position[2]));
    text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2".into());
    let pixel = geometry.spacing_mm;
    text(tags::PIXEL_SPACING, VR::DS, decimals(&[pixel.y(), pixel.x()]));
    text(tags::WINDOW_CENTER, VR::DS, "-600\\40".into());
    text(tags::WINDOW_WIDTH, VR::DS, "1500\\400".into());
    text(tags::RESCALE_INTERCEPT, VR::DS, RESCALE_INTERCEPT.to_string());
    text(tags::RESCALE_SLOPE, VR::DS, "1".into());
    text(tags::RESCALE_TYPE, VR::LO, "HU".into());
    let size = u16::try_from(options.size).context("a slice has at most 65535 rows")?;
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS, size),
        (tags::COLUMNS, size),
        (tags::BITS_ALLOCATED, 16),
        (tags::BITS_STORED, 12),
        (tags::HIGH_BIT, 11),
        (tags::PIXEL_REPRESENTATION, 0),
    ] {
        object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
    }
    let stored: Vec<u16> = volume
        .slice(slice)
        .iter()
        .map(|hounsfield| hounsfield.saturating_sub(RESCALE_INTERCEPT).clamp(0, 4095) as u16)
        .collect();
    if options.transfer_syntax == TransferSyntax::RleLossless {
        let frame = crate::rle::encode_frame(&stored, options.size);
        let fragments = PixelFragmentSequence::new_fragments(vec![frame]);
        object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, fragments));
    } else {
        object.put(DataElement::new(
            tags::PIXEL_DATA,
            VR::OW,
            PrimitiveValue::U16(stored.into()),
        ));
    }
    let meta = FileMetaTableBuilder::new()
        .media_storage_sop_class_uid(uids::CT_IMAGE_STORAGE)
        .media_storage_sop_instance_uid(instance_uid(root, slice))
        .transfer_syntax(options.transfer_syntax.uid());
    Ok(object.with_meta(meta)?)
}

/// A decimal string of at most 16 characters (DICOM PS3.5 section 6.2, DS).
fn decimal(value: f64) -> String {
    format!("{value:.6}")
}

fn decimals(values: &[f64]) -> String {
    values
        .iter()
        .map(|value| decimal(*value))
        .collect::<Vec<_>>()
        .join("\\")
}
