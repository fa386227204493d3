//! What a segment is: its codes, its words, its colour (PS3.3 C.8.20.4).

use dicom_core::VR;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use norma_domain::{LungSide, MeasuredFinding, PathologyType, Report, Segment, SegmentOf, VoxelMask};

use crate::code::{ALGORITHM, Code, LUNG, finding_code, side_code};
use crate::derived_uid::derive_uid;
use crate::elements::Elements;
use crate::finding::finding_identifier;
use crate::modules::algorithm_version;
use crate::wording::Language;

const LABEL_LENGTH: usize = 64;
const ANATOMICAL_STRUCTURE: Code = Code::sct("91723000", "Anatomical Structure");
const ABNORMAL_STRUCTURE: Code = Code::sct("49755003", "Morphologically Abnormal Structure");
const PLEURA: Code = Code::sct("3120008", "Pleura");
const MORPHOLOGICAL_OPERATIONS: Code = Code::dcm("123104", "Morphological Operations");
/// Blue, cyan and, for findings, orange, yellow, magenta and red by turns: CIELab, scaled (PS3.3 C.10.7.1.1).
const OF_RIGHT_LUNG: [u16; 3] = [45085, 33162, 20547];
const OF_LEFT_LUNG: [u16; 3] = [51425, 25548, 29159];
const OF_FINDINGS: [[u16; 3]; 4] = [
    [46010, 43123, 52451],
    [58222, 33235, 52649],
    [39503, 49317, 25219],
    [36788, 49616, 44624],
];

/// A segment with what is said of it.
pub(super) struct DescribedSegment<'a> {
    pub(super) mask: &'a VoxelMask,
    /// Names it within the analysis; that of a finding is its measurement group's in the structured report too.
    identifier: String,
    label: String,
    category: Code,
    property: Code,
    /// Of a structure that there are two of.
    property_side: Option<LungSide>,
    region: Option<(Code, LungSide)>,
    color: [u16; 3],
}

impl<'a> DescribedSegment<'a> {
    pub(super) fn lung(segment: &'a Segment) -> Option<Self> {
        let (side, identifier, label, color) = match segment.of {
            SegmentOf::RightLung => (LungSide::Right, "right-lung", "Right lung", OF_RIGHT_LUNG),
            SegmentOf::LeftLung => (LungSide::Left, "left-lung", "Left lung", OF_LEFT_LUNG),
            SegmentOf::Finding(_) => return None,
        };
        Some(Self {
            mask: &segment.mask,
            identifier: identifier.to_owned(),
            label: label.to_owned(),
            category: ANATOMICAL_STRUCTURE,
            property: LUNG,
            property_side: Some(side),
            region: None,
            color,
        })
    }

    /// None where it is no finding, or none of those measured.
    pub(super) fn finding(segment: &'a Segment, findings: &[MeasuredFinding]) -> Option<Self> {
        let SegmentOf::Finding(index) = segment.of else {
            return None;
        };
        let finding = findings.get(index)?;
        let place = match finding.pathology {
            PathologyType::PleuralEffusion | PathologyType::Pneumothorax => PLEURA,
            _ => LUNG,
        };
        let name = Language::English.pathology(finding.pathology);
        let label = format!(
            "{name} {}, {}",
            index + 1,
            Language::English.place(finding.side, finding.third)
        );
        Some(Self {
            mask: &segment.mask,
            identifier: finding_identifier(index),
            label: label.chars().take(LABEL_LENGTH).collect(),
            category: ABNORMAL_STRUCTURE,
            property: finding_code(finding.pathology, name),
            property_side: None,
            region: Some((place, finding.side)),
            color: OF_FINDINGS[index % OF_FINDINGS.len()],
        })
    }

    /// The item of the Segment Sequence. `number` counts from 1.
    pub(super) fn item(&self, number: u16, report: &Report) -> InMemDicomObject {
        let version = algorithm_version(report);
        let algorithm = Elements::new()
            .sequence(
                tags::ALGORITHM_FAMILY_CODE_SEQUENCE,
                vec![MORPHOLOGICAL_OPERATIONS.item()],
            )
            .text(tags::ALGORITHM_NAME, VR::LO, ALGORITHM)
            .text(tags::ALGORITHM_VERSION, VR::LO, &version)
            .build();
        let mut elements = Elements::new()
            .number(tags::SEGMENT_NUMBER, number)
            .text(tags::SEGMENT_LABEL, VR::LO, &self.label)
            .text(tags::SEGMENT_ALGORITHM_TYPE, VR::CS, "AUTOMATIC")
            .text(tags::SEGMENT_ALGORITHM_NAME, VR::LO, ALGORITHM)
            .sequence(
                tags::SEGMENTATION_ALGORITHM_IDENTIFICATION_SEQUENCE,
                vec![algorithm],
            )
            .sequence(
                tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE,
                vec![self.category.item()],
            )
            .sequence(
                tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE,
                vec![self.property_item()],
            )
            .numbers(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE, self.color)
            .text(tags::TRACKING_ID, VR::UT, &self.identifier)
            .text(
                tags::TRACKING_UID,
                VR::UI,
                derive_uid(report.analysis_id, &self.identifier),
            );
        if let Some((region, side)) = &self.region {
            let mut region = region.item();
            put_side(&mut region, tags::ANATOMIC_REGION_MODIFIER_SEQUENCE, *side);
            elements = elements.sequence(tags::ANATOMIC_REGION_SEQUENCE, vec![region]);
        }
        elements.build()
    }

    fn property_item(&self) -> InMemDicomObject {
        let mut item = self.property.item();
        if let Some(side) = self.property_side {
            put_side(
                &mut item,
                tags::SEGMENTED_PROPERTY_TYPE_MODIFIER_CODE_SEQUENCE,
                side,
            );
        }
        item
    }
}

fn put_side(item: &mut InMemDicomObject, tag: dicom_core::Tag, side: LungSide) {
    let side = side_code(side).item();
    for element in Elements::new().sequence(tag, vec![side]).build() {
        item.put(element);
    }
}
