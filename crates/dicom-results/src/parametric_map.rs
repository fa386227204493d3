//! How unusual each place is, by the anomaly stage (PS3.3 A.75).

use std::collections::BTreeMap;

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use ndarray::Array2;

use crate::code::Code;
use crate::derived_uid::derive_uid;
use crate::dicom_result::DicomResult;
use crate::elements::Elements;
use crate::error::ResultsError;
use crate::functional_groups::{Dimension, frame_groups, plane_groups, with_dimensions, with_references};
use crate::input::ResultsInput;
use crate::modules::{Identification, body_part, common, to_file};
use crate::placed_frame::{PlacedFrame, alike, placed_frames};
use crate::source::SourceImage;

const NAME: &str = "anomaly-map";
const SERIES_NUMBER: u16 = 9005;
/// Stored values go from 0 to this, which stands for 1.
const HIGHEST: u16 = u8::MAX as u16;
const IMAGE_TYPE: &str = "DERIVED\\PRIMARY\\VOLUME\\NONE";
const DERIVATION: Code = Code::dcm("112187", "Unspecified method of calculation");
const NO_UNITS: Code = Code::ucum("1", "no units");
const QUANTITY: Code = Code::sct("246205007", "Quantity");
const ANOMALY: Code = Code::own("anomaly", "Anomaly, by Norma");

/// The map on the stored images of the slices that were read, each pixel by the voxel that it lies in. None where there is no map, or no
/// stored image of it.
pub(crate) fn parametric_map(
    input: &ResultsInput<'_>,
    evidence: &[&SourceImage],
) -> Result<Option<DicomResult>, ResultsError> {
    let Some(map) = input.anomaly_map else {
        return Ok(None);
    };
    let geometry = &input.prepared.study.geometry;
    let [_, rows, columns] = geometry.shape;
    if map.values().any(|slice| slice.dim() != (rows, columns)) {
        return Err(ResultsError::OtherVolume);
    }
    let mut placed = alike(placed_frames(evidence, geometry));
    placed.retain(|frame| map.contains_key(&frame.slice));
    let Some(first) = placed.first() else {
        return Ok(None);
    };
    let analysis = input.report.analysis_id;
    let instance = derive_uid(analysis, NAME);
    let series = derive_uid(analysis, "parametric map series");
    let what = Identification {
        sop_class_uid: uids::PARAMETRIC_MAP_STORAGE,
        sop_instance_uid: &instance,
        series_instance_uid: &series,
        modality: "OT",
        series_number: SERIES_NUMBER,
        instance_number: 1,
        series_description: "Norma anomaly map (research use)",
    };
    let elements = common(input.source, input.report, &what)
        .text(tags::BODY_PART_EXAMINED, VR::CS, body_part(input.source))
        .text_if_any(
            tags::FRAME_OF_REFERENCE_UID,
            VR::UI,
            Some(&first.image.frame_of_reference_uid),
        )
        .text(tags::POSITION_REFERENCE_INDICATOR, VR::LO, "")
        .sequence(tags::ACQUISITION_CONTEXT_SEQUENCE, Vec::new())
        .text(tags::IMAGE_TYPE, VR::CS, IMAGE_TYPE)
        .text(tags::CONTENT_QUALIFICATION, VR::CS, "RESEARCH")
        .text(tags::CONTENT_LABEL, VR::CS, "ANOMALY")
        .text(
            tags::CONTENT_DESCRIPTION,
            VR::LO,
            "How unusual each place is, by Norma",
        )
        .text(tags::CONTENT_CREATOR_NAME, VR::PN, "")
        .text(tags::BURNED_IN_ANNOTATION, VR::CS, "NO")
        .text(tags::RECOGNIZABLE_VISUAL_FEATURES, VR::CS, "NO")
        .text(tags::PRESENTATION_LUT_SHAPE, VR::CS, "IDENTITY");
    let elements = with_references(elements, evidence, first.image);
    let organization = derive_uid(analysis, "parametric map dimensions");
    let elements = with_dimensions(elements, &organization, &[Dimension::PLACE]);
    let frames = placed
        .iter()
        .zip(1..)
        .map(|(frame, number): (_, u32)| frame_groups(frame, &[number], &DERIVATION).build());
    let elements = elements
        .sequence(
            tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
            vec![shared(first, geometry.spacing_mm.z())],
        )
        .sequence(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frames.collect())
        .text(tags::NUMBER_OF_FRAMES, VR::IS, placed.len().to_string())
        .number(tags::SAMPLES_PER_PIXEL, 1)
        .text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2")
        .number(tags::ROWS, first.image.rows)
        .number(tags::COLUMNS, first.image.columns)
        .number(tags::BITS_ALLOCATED, 16)
        .number(tags::BITS_STORED, 16)
        .number(tags::HIGH_BIT, 15)
        .number(tags::PIXEL_REPRESENTATION, 0)
        .text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00")
        .words(tags::PIXEL_DATA, pixels(&placed, map));
    Ok(Some(DicomResult {
        name: NAME.to_owned(),
        sop_class_uid: what.sop_class_uid.to_owned(),
        series_instance_uid: what.series_instance_uid.to_owned(),
        bytes: to_file(elements.build(), &what)?,
        sop_instance_uid: instance.clone(),
    }))
}

/// What holds for every frame: the grid of the images, and what a stored value stands for.
fn shared(first: &PlacedFrame<'_>, thickness_mm: f64) -> InMemDicomObject {
    let frame_type = Elements::new().text(tags::FRAME_TYPE, VR::CS, IMAGE_TYPE).build();
    let quantity = Elements::new()
        .text(tags::VALUE_TYPE, VR::CS, "CODE")
        .sequence(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![QUANTITY.item()])
        .sequence(tags::CONCEPT_CODE_SEQUENCE, vec![ANOMALY.item()])
        .build();
    let mapping = Elements::new()
        .text(tags::LUT_LABEL, VR::SH, "ANOMALY")
        .text(
            tags::LUT_EXPLANATION,
            VR::LO,
            "0 nothing unusual or not looked at, 1 most unusual",
        )
        .sequence(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, vec![NO_UNITS.item()])
        .sequence(tags::QUANTITY_DEFINITION_SEQUENCE, vec![quantity])
        .number(tags::REAL_WORLD_VALUE_FIRST_VALUE_MAPPED, 0)
        .number(tags::REAL_WORLD_VALUE_LAST_VALUE_MAPPED, HIGHEST)
        .double(tags::REAL_WORLD_VALUE_INTERCEPT, 0.0)
        .double(tags::REAL_WORLD_VALUE_SLOPE, 1.0 / f64::from(HIGHEST))
        .build();
    let transformation = Elements::new()
        .text(tags::RESCALE_INTERCEPT, VR::DS, "0")
        .text(tags::RESCALE_SLOPE, VR::DS, "1")
        .text(tags::RESCALE_TYPE, VR::LO, "US")
        .build();
    // LINEAR_EXACT: from 0 to HIGHEST, both included (PS3.3 C.11.2.1.3.2).
    let window = Elements::new()
        .text(tags::WINDOW_CENTER, VR::DS, "127.5")
        .text(tags::WINDOW_WIDTH, VR::DS, HIGHEST.to_string())
        .text(tags::VOILUT_FUNCTION, VR::CS, "LINEAR_EXACT")
        .build();
    plane_groups(first.plane, thickness_mm)
        .sequence(tags::PARAMETRIC_MAP_FRAME_TYPE_SEQUENCE, vec![frame_type])
        .sequence(tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE, vec![mapping])
        .sequence(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, vec![transformation])
        .sequence(tags::FRAME_VOILUT_SEQUENCE, vec![window])
        .build()
}

/// Frame by frame, row by row.
fn pixels(placed: &[PlacedFrame<'_>], map: &BTreeMap<usize, Array2<u8>>) -> Vec<u16> {
    let mut pixels = Vec::new();
    for frame in placed {
        let Some(slice) = map.get(&frame.slice) else {
            continue;
        };
        let (rows, columns) = slice.dim();
        for row in 0..usize::from(frame.image.rows) {
            pixels.extend((0..usize::from(frame.image.columns)).map(|column| {
                let voxel = frame.pixel_of(row, column, [rows, columns]);
                voxel.map_or(0, |at| u16::from(slice[[at / columns, at % columns]]))
            }));
        }
    }
    pixels
}
