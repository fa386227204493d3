//! DICOM files made for tests, written by dicom-object so that writer and reader are not the same code.

use std::io::Write;

use dicom_core::smallvec::SmallVec;
use dicom_core::value::{DataSetSequence, PixelFragmentSequence, Value};
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileDicomObject, FileMetaTable, FileMetaTableBuilder, InMemDicomObject};
use dicom_pixeldata::Transcode;
use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry};
use flate2::Compression;
use flate2::write::DeflateEncoder;

pub(crate) const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
pub(crate) const STUDY: &str = "1.2.826.0.1.1";
pub(crate) const SERIES: &str = "1.2.826.0.1.1.1";
pub(crate) const ROWS: usize = 48;
pub(crate) const COLUMNS: usize = 64;

/// An axial CT slice; the fields are what tests change.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    pub(crate) study: String,
    pub(crate) series: String,
    pub(crate) instance: String,
    pub(crate) z: f64,
    pub(crate) thickness_mm: f64,
    pub(crate) orientation: [f64; 6],
    pub(crate) origin_xy: [f64; 2],
    pub(crate) image_type: String,
    pub(crate) kernel: String,
    pub(crate) slope: f64,
    pub(crate) intercept: f64,
    /// Stored values, row by row.
    pub(crate) pixels: Vec<u16>,
    pub(crate) is_signed: bool,
}

impl Slice {
    /// The slice number `number` of a series with 2 mm between slices.
    pub(crate) fn new(number: usize) -> Self {
        Self {
            study: STUDY.into(),
            series: SERIES.into(),
            instance: format!("{SERIES}.{}", number + 1),
            z: number as f64 * 2.0,
            thickness_mm: 2.0,
            orientation: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            origin_xy: [-20.0, -30.0],
            image_type: "ORIGINAL\\PRIMARY\\AXIAL".into(),
            kernel: "B40f".into(),
            slope: 1.0,
            intercept: -1024.0,
            pixels: ramp(number),
            is_signed: false,
        }
    }

    pub(crate) fn with_series(self, series: &str) -> Self {
        let number = self.instance.rsplit('.').next().unwrap_or("1").to_owned();
        Self {
            series: series.into(),
            instance: format!("{series}.{number}"),
            ..self
        }
    }

    /// The data set without file meta information.
    pub(crate) fn data_set(&self) -> InMemDicomObject {
        let mut object = InMemDicomObject::new_empty();
        let [x, y] = self.origin_xy;
        put_text(&mut object, tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE);
        put_text(&mut object, tags::SOP_INSTANCE_UID, VR::UI, &self.instance);
        put_text(&mut object, tags::STUDY_INSTANCE_UID, VR::UI, &self.study);
        put_text(&mut object, tags::SERIES_INSTANCE_UID, VR::UI, &self.series);
        put_text(&mut object, tags::MODALITY, VR::CS, "CT");
        put_text(&mut object, tags::IMAGE_TYPE, VR::CS, &self.image_type);
        put_text(&mut object, tags::PATIENT_NAME, VR::PN, "SECRET^NAME");
        put_text(&mut object, tags::STUDY_DATE, VR::DA, "20260102");
        put_text(&mut object, tags::MANUFACTURER, VR::LO, "NORMA PHANTOM");
        put_text(&mut object, tags::CONVOLUTION_KERNEL, VR::SH, &self.kernel);
        put_text(
            &mut object,
            tags::SLICE_THICKNESS,
            VR::DS,
            &self.thickness_mm.to_string(),
        );
        put_text(
            &mut object,
            tags::IMAGE_POSITION_PATIENT,
            VR::DS,
            &format!("{x}\\{y}\\{}", self.z),
        );
        let orientation = self.orientation.map(|value| format!("{value:.6}")).join("\\");
        put_text(&mut object, tags::IMAGE_ORIENTATION_PATIENT, VR::DS, &orientation);
        put_text(&mut object, tags::PIXEL_SPACING, VR::DS, "0.75\\0.75");
        put_text(&mut object, tags::RESCALE_SLOPE, VR::DS, &self.slope.to_string());
        put_text(
            &mut object,
            tags::RESCALE_INTERCEPT,
            VR::DS,
            &self.intercept.to_string(),
        );
        put_pixel_format(&mut object, self.is_signed);
        put_pixels(&mut object, &self.pixels);
        object
    }

    pub(crate) fn bytes(&self, transfer_syntax: &str) -> Vec<u8> {
        write_file(self.data_set(), transfer_syntax)
    }
}

/// 12-bit values that differ between neighbours in all directions.
pub(crate) fn ramp(number: usize) -> Vec<u16> {
    (0..ROWS * COLUMNS)
        .map(|index| ((index % COLUMNS * 7 + index / COLUMNS * 31 + number * 113) % 2048) as u16)
        .collect()
}

pub(crate) fn put_text(object: &mut InMemDicomObject, tag: Tag, vr: VR, text: &str) {
    let parts: SmallVec<[String; 2]> = text.split('\\').map(str::to_owned).collect();
    object.put(DataElement::new(tag, vr, PrimitiveValue::Strs(parts)));
}

pub(crate) fn put_u16(object: &mut InMemDicomObject, tag: Tag, value: u16) {
    object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
}

pub(crate) fn put_pixel_format(object: &mut InMemDicomObject, is_signed: bool) {
    put_u16(object, tags::SAMPLES_PER_PIXEL, 1);
    put_text(object, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    put_u16(object, tags::ROWS, ROWS as u16);
    put_u16(object, tags::COLUMNS, COLUMNS as u16);
    put_u16(object, tags::BITS_ALLOCATED, 16);
    put_u16(object, tags::BITS_STORED, 12);
    put_u16(object, tags::HIGH_BIT, 11);
    put_u16(object, tags::PIXEL_REPRESENTATION, u16::from(is_signed));
}

pub(crate) fn put_pixels(object: &mut InMemDicomObject, pixels: &[u16]) {
    let words: SmallVec<[u16; 2]> = pixels.iter().copied().collect();
    object.put(DataElement::new(
        tags::PIXEL_DATA,
        VR::OW,
        PrimitiveValue::U16(words),
    ));
}

/// Puts encapsulated pixels with an empty offset table.
pub(crate) fn put_fragments(object: &mut InMemDicomObject, fragments: Vec<Vec<u8>>) {
    let fragments: SmallVec<[Vec<u8>; 2]> = fragments.into_iter().collect();
    object.put(DataElement::new(
        tags::PIXEL_DATA,
        VR::OB,
        Value::PixelSequence(PixelFragmentSequence::new(Vec::<u32>::new(), fragments)),
    ));
}

pub(crate) fn put_sequence(object: &mut InMemDicomObject, tag: Tag, items: Vec<InMemDicomObject>) {
    let items: SmallVec<[InMemDicomObject; 2]> = items.into_iter().collect();
    let sequence = DataSetSequence::new(items, dicom_core::Length::UNDEFINED);
    object.put(DataElement::new(tag, VR::SQ, Value::Sequence(sequence)));
}

fn meta(transfer_syntax: &str) -> FileMetaTable {
    FileMetaTableBuilder::new()
        .transfer_syntax(transfer_syntax)
        .media_storage_sop_class_uid(uids::CT_IMAGE_STORAGE)
        .media_storage_sop_instance_uid("1.2.826.0.1.9")
        .build()
        .unwrap()
}

/// The data set alone, without preamble and meta information.
pub(crate) fn write_data_set(object: &InMemDicomObject, transfer_syntax: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let syntax = TransferSyntaxRegistry.get(transfer_syntax).unwrap();
    object.write_dataset_with_ts(&mut bytes, syntax).unwrap();
    bytes
}

/// A file in a native transfer syntax, or in one that dicom-pixeldata can write.
pub(crate) fn write_file(object: InMemDicomObject, transfer_syntax: &str) -> Vec<u8> {
    match transfer_syntax {
        uids::IMPLICIT_VR_LITTLE_ENDIAN | uids::EXPLICIT_VR_LITTLE_ENDIAN | BIG_ENDIAN => {
            write_as(object, transfer_syntax)
        }
        uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => {
            let mut bytes = vec![0; 128];
            bytes.extend_from_slice(b"DICM");
            meta(transfer_syntax).write(&mut bytes).unwrap();
            let data_set = write_data_set(&object, uids::EXPLICIT_VR_LITTLE_ENDIAN);
            let mut encoder = DeflateEncoder::new(bytes, Compression::default());
            encoder.write_all(&data_set).unwrap();
            encoder.finish().unwrap()
        }
        _ => {
            let mut file = object.with_exact_meta(meta(uids::EXPLICIT_VR_LITTLE_ENDIAN));
            file.transcode(TransferSyntaxRegistry.get(transfer_syntax).unwrap())
                .unwrap();
            bytes_of(&file)
        }
    }
}

/// A file whose pixels are already in the transfer syntax.
pub(crate) fn write_as(object: InMemDicomObject, transfer_syntax: &str) -> Vec<u8> {
    bytes_of(&object.with_exact_meta(meta(transfer_syntax)))
}

fn bytes_of(file: &FileDicomObject<InMemDicomObject>) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.write_all(&mut bytes).unwrap();
    bytes
}

/// A frame in RLE (PS3.5 annex G) without runs.
pub(crate) fn rle_frame(pixels: &[u16]) -> Vec<u8> {
    let segment = |bytes: Vec<u8>| {
        let mut packed = Vec::new();
        for chunk in bytes.chunks(128) {
            packed.push(chunk.len() as u8 - 1);
            packed.extend_from_slice(chunk);
        }
        packed.resize(packed.len().next_multiple_of(2), 0x80);
        packed
    };
    let high = segment(pixels.iter().map(|value| (value >> 8) as u8).collect());
    let low = segment(pixels.iter().map(|value| *value as u8).collect());
    let mut header = vec![0u8; 64];
    header[..4].copy_from_slice(&2u32.to_le_bytes());
    header[4..8].copy_from_slice(&64u32.to_le_bytes());
    header[8..12].copy_from_slice(&(64 + high.len() as u32).to_le_bytes());
    [header, high, low].concat()
}
