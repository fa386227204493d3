//! The objects: one of the lungs, one of the findings, which lie in one another.

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use norma_domain::{Quantification, Segmentation};

use super::bits::Bits;
use super::described::DescribedSegment;
use super::frames::draw_mask;
use crate::code::{Code, SOURCE_IMAGE};
use crate::derived_uid::derive_uid;
use crate::dicom_result::DicomResult;
use crate::elements::{Elements, exact_decimal};
use crate::error::ResultsError;
use crate::input::ResultsInput;
use crate::modules::{Identification, body_part, common, frame_reference, reference, to_file};
use crate::placed_frame::{PlacedFrame, placed_frames};
use crate::source::{ImagePlane, SourceImage};

const SERIES_NUMBER: u16 = 9003;
const SEGMENTATION: Code = Code::dcm("113076", "Segmentation");
/// Unit vectors and distances that differ by no more are the same.
const SAME: f64 = 1e-4;

/// A segment's frame, and the place that it is at among those of the object.
struct Frame<'a> {
    segment: u16,
    place: usize,
    placed: &'a PlacedFrame<'a>,
}

/// The lungs, then the findings. What has no voxel on a stored image has no object.
pub(crate) fn segmentations(
    input: &ResultsInput<'_>,
    segmentation: &Segmentation,
    evidence: &[&SourceImage],
) -> Result<Vec<DicomResult>, ResultsError> {
    let geometry = &input.prepared.study.geometry;
    let segments = &segmentation.segments;
    if segments
        .iter()
        .any(|segment| segment.mask.shape() != geometry.shape)
    {
        return Err(ResultsError::OtherVolume);
    }
    let placed = alike(placed_frames(evidence, geometry));
    let none = Quantification::default();
    let findings = &input.prepared.quantification.as_ref().unwrap_or(&none).findings;
    let lungs = segments.iter().filter_map(DescribedSegment::lung).collect();
    let found = segments
        .iter()
        .filter_map(|segment| DescribedSegment::finding(segment, findings))
        .collect();
    let objects = [
        Kind {
            name: "segmentation-lungs",
            instance_number: 1,
            label: "LUNGS",
            description: "Lungs, by Norma",
            segments: lungs,
        },
        Kind {
            name: "segmentation-findings",
            instance_number: 2,
            label: "FINDINGS",
            description: "What Norma measured",
            segments: found,
        },
    ];
    let objects = objects
        .iter()
        .map(|kind| kind.object(input, &placed, evidence))
        .filter_map(Result::transpose);
    objects.collect()
}

/// The frames that have one grid: that of the first.
fn alike(frames: Vec<PlacedFrame<'_>>) -> Vec<PlacedFrame<'_>> {
    let Some((image, plane)) = frames.first().map(|frame| (frame.image, frame.plane)) else {
        return frames;
    };
    let grid = |plane: &ImagePlane| {
        let [a, b, c] = plane.along_row;
        let [d, e, f] = plane.down_column;
        [a, b, c, d, e, f, plane.row_distance_mm, plane.column_distance_mm]
    };
    let first = grid(plane);
    let is_alike = |frame: &PlacedFrame<'_>| {
        let size = (frame.image.rows, frame.image.columns);
        let mut numbers = grid(frame.plane).into_iter().zip(first);
        size == (image.rows, image.columns) && numbers.all(|(one, other)| (one - other).abs() < SAME)
    };
    frames.into_iter().filter(is_alike).collect()
}

/// An object to be.
struct Kind<'a> {
    name: &'static str,
    instance_number: usize,
    label: &'static str,
    description: &'static str,
    segments: Vec<DescribedSegment<'a>>,
}

impl Kind<'_> {
    fn object(
        &self,
        input: &ResultsInput<'_>,
        placed: &[PlacedFrame<'_>],
        evidence: &[&SourceImage],
    ) -> Result<Option<DicomResult>, ResultsError> {
        let Some(first) = placed.first() else {
            return Ok(None);
        };
        let (rows, columns) = (first.image.rows, first.image.columns);
        let [_, volume_rows, volume_columns] = input.prepared.study.geometry.shape;
        let mut slice = vec![false; volume_rows * volume_columns];
        let mut drawn = vec![false; usize::from(rows) * usize::from(columns)];
        let (mut bits, mut frames, mut items) = (Bits::default(), Vec::new(), Vec::new());
        for segment in &self.segments {
            // Those without a pixel do not count: numbers have no gaps.
            let number = u16::try_from(items.len() + 1).unwrap_or(u16::MAX);
            let before = frames.len();
            for (place, placed) in placed.iter().enumerate() {
                if draw_mask(segment.mask, placed, &mut slice, &mut drawn) {
                    bits.push(&drawn);
                    frames.push(Frame {
                        segment: number,
                        place,
                        placed,
                    });
                }
            }
            if frames.len() > before {
                items.push(segment.item(number, input.report));
            }
        }
        if frames.is_empty() {
            return Ok(None);
        }
        let analysis = input.report.analysis_id;
        let instance = derive_uid(analysis, self.name);
        let series = derive_uid(analysis, "segmentation series");
        let what = Identification {
            sop_class_uid: uids::SEGMENTATION_STORAGE,
            sop_instance_uid: &instance,
            series_instance_uid: &series,
            modality: "SEG",
            series_number: SERIES_NUMBER,
            instance_number: self.instance_number,
            series_description: "Norma segmentation (research use)",
        };
        let elements = common(input.source, input.report, &what)
            .text(tags::BODY_PART_EXAMINED, VR::CS, body_part(input.source))
            .text_if_any(
                tags::FRAME_OF_REFERENCE_UID,
                VR::UI,
                Some(&first.image.frame_of_reference_uid),
            )
            .text(tags::POSITION_REFERENCE_INDICATOR, VR::LO, "")
            .text(tags::IMAGE_TYPE, VR::CS, "DERIVED\\PRIMARY")
            .text(tags::CONTENT_LABEL, VR::CS, self.label)
            .text(tags::CONTENT_DESCRIPTION, VR::LO, self.description)
            .text(tags::CONTENT_CREATOR_NAME, VR::PN, "")
            .text(tags::SEGMENTATION_TYPE, VR::CS, "BINARY")
            .text(tags::SEGMENTS_OVERLAP, VR::CS, self.overlap())
            .sequence(tags::SEGMENT_SEQUENCE, items);
        let elements = with_references(elements, evidence, first.image);
        let elements = with_dimensions(elements, &derive_uid(analysis, "segmentation dimensions"));
        let thickness = input.prepared.study.geometry.spacing_mm.z();
        let elements = elements
            .sequence(
                tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
                vec![shared(first.plane, thickness)],
            )
            .sequence(
                tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
                frames.iter().map(of_frame).collect(),
            )
            .text(tags::NUMBER_OF_FRAMES, VR::IS, frames.len().to_string())
            .number(tags::SAMPLES_PER_PIXEL, 1)
            .text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2")
            .number(tags::ROWS, rows)
            .number(tags::COLUMNS, columns)
            .number(tags::BITS_ALLOCATED, 1)
            .number(tags::BITS_STORED, 1)
            .number(tags::HIGH_BIT, 0)
            .number(tags::PIXEL_REPRESENTATION, 0)
            .text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00")
            .bytes(tags::PIXEL_DATA, bits.into_bytes());
        Ok(Some(DicomResult {
            name: self.name.to_owned(),
            sop_class_uid: what.sop_class_uid.to_owned(),
            bytes: to_file(elements.build(), &what)?,
            sop_instance_uid: instance.clone(),
        }))
    }

    /// Whether two segments share a voxel: YES or NO.
    fn overlap(&self) -> &'static str {
        let mut pairs = self.segments.iter().enumerate().flat_map(|(index, one)| {
            let others = self.segments[index + 1..].iter();
            others.map(move |other| (one, other))
        });
        if pairs.any(|(one, other)| one.mask.meets(other.mask)) {
            "YES"
        } else {
            "NO"
        }
    }
}

/// Every image of the series that was segmented.
fn with_references(elements: Elements, evidence: &[&SourceImage], first: &SourceImage) -> Elements {
    let of_series = evidence
        .iter()
        .filter(|image| image.series_instance_uid == first.series_instance_uid)
        .map(|image| reference(&image.sop_class_uid, &image.sop_instance_uid).build());
    let series = Elements::new()
        .text(tags::SERIES_INSTANCE_UID, VR::UI, &first.series_instance_uid)
        .sequence(tags::REFERENCED_INSTANCE_SEQUENCE, of_series.collect())
        .build();
    elements.sequence(tags::REFERENCED_SERIES_SEQUENCE, vec![series])
}

/// Frames go by segment, then by place.
fn with_dimensions(elements: Elements, organization: &str) -> Elements {
    let dimension = |pointer, group, label| {
        Elements::new()
            .text(tags::DIMENSION_ORGANIZATION_UID, VR::UI, organization)
            .tag(tags::DIMENSION_INDEX_POINTER, pointer)
            .tag(tags::FUNCTIONAL_GROUP_POINTER, group)
            .text(tags::DIMENSION_DESCRIPTION_LABEL, VR::LO, label)
            .build()
    };
    let organization_item = Elements::new()
        .text(tags::DIMENSION_ORGANIZATION_UID, VR::UI, organization)
        .build();
    elements
        .sequence(tags::DIMENSION_ORGANIZATION_SEQUENCE, vec![organization_item])
        .sequence(
            tags::DIMENSION_INDEX_SEQUENCE,
            vec![
                dimension(
                    tags::REFERENCED_SEGMENT_NUMBER,
                    tags::SEGMENT_IDENTIFICATION_SEQUENCE,
                    "Segment Number",
                ),
                dimension(
                    tags::IMAGE_POSITION_PATIENT,
                    tags::PLANE_POSITION_SEQUENCE,
                    "Image Position Patient",
                ),
            ],
        )
}

fn decimals(numbers: impl IntoIterator<Item = f64>) -> String {
    let numbers: Vec<String> = numbers.into_iter().map(exact_decimal).collect();
    numbers.join("\\")
}

/// What holds for every frame: that of the images.
fn shared(plane: &ImagePlane, thickness_mm: f64) -> InMemDicomObject {
    let measures = Elements::new()
        .text(
            tags::PIXEL_SPACING,
            VR::DS,
            decimals([plane.row_distance_mm, plane.column_distance_mm]),
        )
        .text(tags::SLICE_THICKNESS, VR::DS, exact_decimal(thickness_mm))
        .build();
    let orientation = Elements::new()
        .text(
            tags::IMAGE_ORIENTATION_PATIENT,
            VR::DS,
            decimals(plane.along_row.into_iter().chain(plane.down_column)),
        )
        .build();
    Elements::new()
        .sequence(tags::PIXEL_MEASURES_SEQUENCE, vec![measures])
        .sequence(tags::PLANE_ORIENTATION_SEQUENCE, vec![orientation])
        .build()
}

fn of_frame(frame: &Frame<'_>) -> InMemDicomObject {
    let (image, plane) = (frame.placed.image, frame.placed.plane);
    let place = u32::try_from(frame.place + 1).unwrap_or(u32::MAX);
    let content = Elements::new()
        .long_numbers(tags::DIMENSION_INDEX_VALUES, [u32::from(frame.segment), place])
        .build();
    let position = Elements::new()
        .text(tags::IMAGE_POSITION_PATIENT, VR::DS, decimals(plane.position))
        .build();
    let source = frame_reference(image, plane.frame)
        .sequence(
            tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE,
            vec![SOURCE_IMAGE.item()],
        )
        .build();
    let derivation = Elements::new()
        .sequence(tags::DERIVATION_CODE_SEQUENCE, vec![SEGMENTATION.item()])
        .sequence(tags::SOURCE_IMAGE_SEQUENCE, vec![source])
        .build();
    let segment = Elements::new()
        .number(tags::REFERENCED_SEGMENT_NUMBER, frame.segment)
        .build();
    Elements::new()
        .sequence(tags::FRAME_CONTENT_SEQUENCE, vec![content])
        .sequence(tags::PLANE_POSITION_SEQUENCE, vec![position])
        .sequence(tags::DERIVATION_IMAGE_SEQUENCE, vec![derivation])
        .sequence(tags::SEGMENT_IDENTIFICATION_SEQUENCE, vec![segment])
        .build()
}
