//! The objects: one of the lungs, one of the findings, which lie in one another.

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use norma_domain::{Quantification, Segmentation};

use super::bits::Bits;
use super::described::DescribedSegment;
use super::frames::draw_mask;
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

const SERIES_NUMBER: u16 = 9003;
const SEGMENTATION: Code = Code::dcm("113076", "Segmentation");

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
        let organization = derive_uid(analysis, "segmentation dimensions");
        let elements = with_dimensions(elements, &organization, &dimensions());
        let thickness = input.prepared.study.geometry.spacing_mm.z();
        let elements = elements
            .sequence(
                tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
                vec![plane_groups(first.plane, thickness).build()],
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
            series_instance_uid: what.series_instance_uid.to_owned(),
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

/// Frames go by segment, then by place.
fn dimensions() -> [Dimension; 2] {
    [
        Dimension {
            pointer: tags::REFERENCED_SEGMENT_NUMBER,
            group: tags::SEGMENT_IDENTIFICATION_SEQUENCE,
            label: "Segment Number",
        },
        Dimension::PLACE,
    ]
}

fn of_frame(frame: &Frame<'_>) -> InMemDicomObject {
    let place = u32::try_from(frame.place + 1).unwrap_or(u32::MAX);
    let indices = [u32::from(frame.segment), place];
    let segment = Elements::new()
        .number(tags::REFERENCED_SEGMENT_NUMBER, frame.segment)
        .build();
    frame_groups(frame.placed, &indices, &SEGMENTATION)
        .sequence(tags::SEGMENT_IDENTIFICATION_SEQUENCE, vec![segment])
        .build()
}
