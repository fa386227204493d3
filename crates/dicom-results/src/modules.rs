//! What every object has: whose it is, who made it, what it is (PS3.3 C.7.1 to C.7.5, C.12.1).

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use norma_domain::Report;

use crate::code::OWN_SCHEME;
use crate::derived_uid::derive;
use crate::elements::Elements;
use crate::error::ResultsError;
use crate::source::{Presence, SourceImage, SourceStudy};

pub(crate) const MANUFACTURER: &str = "Norma";
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Implementation Version Name: 16 characters at most.
const IMPLEMENTATION: &str = concat!("NORMA_", env!("CARGO_PKG_VERSION"));

/// What tells one object from another.
pub(crate) struct Identification<'a> {
    pub(crate) sop_class_uid: &'a str,
    pub(crate) sop_instance_uid: &'a str,
    pub(crate) series_instance_uid: &'a str,
    pub(crate) modality: &'a str,
    pub(crate) series_number: u16,
    pub(crate) instance_number: usize,
    pub(crate) series_description: &'a str,
}

/// This program's version and the bundle that answered: `0.1.0, bundle name 1.2.3`.
pub fn software_version(report: &Report) -> String {
    format!(
        "{VERSION}, bundle {} {}",
        report.bundle.name, report.bundle.version
    )
}

/// As much of [`software_version`] as a Long String (LO) holds.
pub(crate) fn algorithm_version(report: &Report) -> String {
    software_version(report).chars().take(64).collect()
}

/// The same program with the same bundle is the same device.
pub(crate) fn device_uid(report: &Report) -> String {
    derive(report.bundle.sha256.as_bytes(), VERSION)
}

/// The first digits of the bundle's hash: what a serial number is for, telling devices apart.
pub(crate) fn device_serial_number(report: &Report) -> &str {
    report.bundle.sha256.get(..16).unwrap_or("1")
}

/// The elements that all objects share. Dates are those of the analysis's end.
pub(crate) fn common(source: &SourceStudy, report: &Report, what: &Identification<'_>) -> Elements {
    let date = report.timings.finished_at.format("%Y%m%d").to_string();
    let time = report.timings.finished_at.format("%H%M%S").to_string();
    let mut elements = Elements::new()
        .text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192")
        .text(tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, "+0000");
    for (tag, vr, text, presence) in source.attributes.elements() {
        elements = match presence {
            Presence::Always => elements.text(tag, vr, text),
            Presence::WhereKnown => elements.text_if_any(tag, vr, Some(text)),
        };
    }
    elements
        .text(tags::SOP_CLASS_UID, VR::UI, what.sop_class_uid)
        .text(tags::SOP_INSTANCE_UID, VR::UI, what.sop_instance_uid)
        .text(tags::INSTANCE_CREATION_DATE, VR::DA, &date)
        .text(tags::INSTANCE_CREATION_TIME, VR::TM, &time)
        .text(tags::MODALITY, VR::CS, what.modality)
        .text(tags::SERIES_INSTANCE_UID, VR::UI, what.series_instance_uid)
        .text(tags::SERIES_NUMBER, VR::IS, what.series_number.to_string())
        .text(tags::SERIES_DESCRIPTION, VR::LO, what.series_description)
        .text(tags::SERIES_DATE, VR::DA, &date)
        .text(tags::SERIES_TIME, VR::TM, &time)
        .text(tags::INSTANCE_NUMBER, VR::IS, what.instance_number.to_string())
        .text(tags::CONTENT_DATE, VR::DA, &date)
        .text(tags::CONTENT_TIME, VR::TM, &time)
        .text(tags::MANUFACTURER, VR::LO, MANUFACTURER)
        .text(tags::MANUFACTURER_MODEL_NAME, VR::LO, MANUFACTURER)
        .text(tags::DEVICE_SERIAL_NUMBER, VR::LO, device_serial_number(report))
        .text(tags::SOFTWARE_VERSIONS, VR::LO, algorithm_version(report))
        .sequence(
            tags::CODING_SCHEME_IDENTIFICATION_SEQUENCE,
            vec![
                Elements::new()
                    .text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, OWN_SCHEME)
                    .text(tags::CODING_SCHEME_NAME, VR::ST, "Norma's own codes")
                    .text(tags::CODING_SCHEME_RESPONSIBLE_ORGANIZATION, VR::ST, MANUFACTURER)
                    .build(),
            ],
        )
}

/// The object as a file of PS3.10.
pub(crate) fn to_file(object: InMemDicomObject, what: &Identification<'_>) -> Result<Vec<u8>, ResultsError> {
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .media_storage_sop_class_uid(what.sop_class_uid)
        .media_storage_sop_instance_uid(what.sop_instance_uid)
        .implementation_class_uid(derive(b"implementation", ""))
        .implementation_version_name(IMPLEMENTATION)
        .build()
        .map_err(|error| ResultsError::Header(Box::new(error)))?;
    let mut bytes = Vec::new();
    object
        .with_exact_meta(meta)
        .write_all(&mut bytes)
        .map_err(|error| ResultsError::Write(Box::new(error)))?;
    Ok(bytes)
}

/// Without one, viewers and validators ask for a laterality.
pub(crate) fn body_part(source: &SourceStudy) -> &str {
    match source.attributes.body_part.as_str() {
        "" => "CHEST",
        part => part,
    }
}

/// A reference to an instance.
pub(crate) fn reference(sop_class_uid: &str, sop_instance_uid: &str) -> Elements {
    Elements::new()
        .text(tags::REFERENCED_SOP_CLASS_UID, VR::UI, sop_class_uid)
        .text(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, sop_instance_uid)
}

/// A reference to an image, or to one of its frames.
pub(crate) fn frame_reference(image: &SourceImage, frame: Option<u32>) -> Elements {
    let frame = frame.map(|frame| frame.to_string());
    reference(&image.sop_class_uid, &image.sop_instance_uid).text_if_any(
        tags::REFERENCED_FRAME_NUMBER,
        VR::IS,
        frame.as_deref(),
    )
}
