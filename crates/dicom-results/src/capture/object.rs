//! Secondary Capture images (PS3.3 A.8.1).

use std::collections::BTreeMap;

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use ndarray::Array2;
use norma_domain::{PreparedSummary, Report, WindowLevel};

use super::canvas::Canvas;
use super::key_slice::{ShownSlice, draw_key_slice};
use super::page::draw_page;
use crate::code::SOURCE_IMAGE;
use crate::derived_uid::derive_uid;
use crate::dicom_result::DicomResult;
use crate::elements::Elements;
use crate::error::ResultsError;
use crate::input::{ResultsInput, slices_to_show};
use crate::modules::{Identification, body_part, common, reference, to_file};
use crate::region::regions;
use crate::source::{SourceImage, SourceStudy};

const SERIES_NUMBER: u16 = 9002;

/// The series: first the page, then the key slices.
pub(crate) fn captures(
    input: &ResultsInput<'_>,
    evidence: &[&SourceImage],
) -> Result<Vec<DicomResult>, ResultsError> {
    let ResultsInput {
        report,
        prepared,
        source,
        slices,
        language,
        ..
    } = *input;
    let series = Series {
        report,
        source,
        uid: derive_uid(report.analysis_id, &format!("captures {}", language.as_str())),
        language: language.as_str(),
    };
    let all = regions(report, prepared);
    let page = draw_page(report, prepared, &all, language);
    let mut objects = vec![series.object("verdict", 1, page, None)?];
    for ((slice, hounsfield), number) in in_order(slices, report, prepared).into_iter().zip(1..) {
        let here: Vec<_> = all.iter().filter(|region| region.slice == slice).collect();
        let reference = prepared.slices.iter().find(|reference| reference.slice == slice);
        let shown = ShownSlice {
            reference,
            slice,
            hounsfield,
            window: here.first().map_or(WindowLevel::LUNG, |region| region.window),
            regions: here,
        };
        let canvas = draw_key_slice(&shown, report, language);
        let image = reference
            .and_then(|reference| reference.sop_instance_uid.as_ref())
            .and_then(|uid| {
                evidence
                    .iter()
                    .find(|image| image.sop_instance_uid == uid.as_str())
                    .copied()
            });
        objects.push(series.object(&format!("key-slice-{number}"), number + 1, canvas, image)?);
    }
    Ok(objects)
}

/// Those given, in the order in which they are to be shown.
fn in_order<'a>(
    slices: &'a BTreeMap<usize, Array2<i16>>,
    report: &Report,
    prepared: &PreparedSummary,
) -> Vec<(usize, &'a Array2<i16>)> {
    slices_to_show(report, prepared)
        .into_iter()
        .filter_map(|slice| slices.get(&slice).map(|pixels| (slice, pixels)))
        .collect()
}

struct Series<'a> {
    report: &'a Report,
    source: &'a SourceStudy,
    uid: String,
    language: &'static str,
}

impl Series<'_> {
    fn object(
        &self,
        name: &str,
        number: usize,
        canvas: Canvas,
        image: Option<&SourceImage>,
    ) -> Result<DicomResult, ResultsError> {
        let instance = derive_uid(self.report.analysis_id, &format!("{name} {}", self.language));
        let what = Identification {
            sop_class_uid: uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
            sop_instance_uid: &instance,
            series_instance_uid: &self.uid,
            modality: "OT",
            series_number: SERIES_NUMBER,
            instance_number: number,
            series_description: "Norma key slices (research use)",
        };
        let mut elements = common(self.source, self.report, &what)
            .text(tags::BODY_PART_EXAMINED, VR::CS, body_part(self.source))
            .text(tags::CONVERSION_TYPE, VR::CS, "WSD")
            .text(tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY")
            .text(tags::PATIENT_ORIENTATION, VR::CS, "")
            .text(
                tags::DERIVATION_DESCRIPTION,
                VR::ST,
                "What Norma found, drawn for viewing",
            )
            // It shows nothing that names the patient.
            .text(tags::BURNED_IN_ANNOTATION, VR::CS, "NO")
            .text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00");
        if let Some(image) = image {
            let referenced = reference(&image.sop_class_uid, &image.sop_instance_uid)
                .sequence(
                    tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE,
                    vec![SOURCE_IMAGE.item()],
                )
                .build();
            elements = elements.sequence(tags::SOURCE_IMAGE_SEQUENCE, vec![referenced]);
        }
        let object = with_pixels(elements, canvas).build();
        Ok(DicomResult {
            name: name.to_owned(),
            sop_class_uid: what.sop_class_uid.to_owned(),
            series_instance_uid: what.series_instance_uid.to_owned(),
            bytes: to_file(object, &what)?,
            sop_instance_uid: instance.clone(),
        })
    }
}

/// The picture (PS3.3 C.7.6.3).
fn with_pixels(elements: Elements, canvas: Canvas) -> Elements {
    let side = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
    elements
        .number(tags::SAMPLES_PER_PIXEL, 3)
        .text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "RGB")
        .number(tags::PLANAR_CONFIGURATION, 0)
        .number(tags::ROWS, side(canvas.rows))
        .number(tags::COLUMNS, side(canvas.columns))
        .number(tags::BITS_ALLOCATED, 8)
        .number(tags::BITS_STORED, 8)
        .number(tags::HIGH_BIT, 7)
        .number(tags::PIXEL_REPRESENTATION, 0)
        .bytes(tags::PIXEL_DATA, canvas.pixels)
}
