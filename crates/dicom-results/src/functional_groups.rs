//! What objects of many frames have in common: the images that they are of, how frames are ordered and where each lies
//! (PS3.3 C.7.6.16, C.7.6.17).

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;

use crate::code::{Code, SOURCE_IMAGE};
use crate::elements::{Elements, exact_decimal};
use crate::modules::{frame_reference, reference};
use crate::placed_frame::PlacedFrame;
use crate::source::{ImagePlane, SourceImage};

/// What frames are ordered by.
pub(crate) struct Dimension {
    pub(crate) pointer: Tag,
    pub(crate) group: Tag,
    pub(crate) label: &'static str,
}

impl Dimension {
    pub(crate) const PLACE: Self = Self {
        pointer: tags::IMAGE_POSITION_PATIENT,
        group: tags::PLANE_POSITION_SEQUENCE,
        label: "Image Position Patient",
    };
}

/// Every image of the series of `first`.
pub(crate) fn with_references(
    elements: Elements,
    evidence: &[&SourceImage],
    first: &SourceImage,
) -> Elements {
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

/// Frames go by these, the first one first. `organization`: Dimension Organization UID.
pub(crate) fn with_dimensions(elements: Elements, organization: &str, dimensions: &[Dimension]) -> Elements {
    let index = dimensions.iter().map(|dimension| {
        Elements::new()
            .text(tags::DIMENSION_ORGANIZATION_UID, VR::UI, organization)
            .tag(tags::DIMENSION_INDEX_POINTER, dimension.pointer)
            .tag(tags::FUNCTIONAL_GROUP_POINTER, dimension.group)
            .text(tags::DIMENSION_DESCRIPTION_LABEL, VR::LO, dimension.label)
            .build()
    });
    let organization = Elements::new()
        .text(tags::DIMENSION_ORGANIZATION_UID, VR::UI, organization)
        .build();
    elements
        .sequence(tags::DIMENSION_ORGANIZATION_SEQUENCE, vec![organization])
        .sequence(tags::DIMENSION_INDEX_SEQUENCE, index.collect())
}

/// The grid of the images, which holds for every frame.
pub(crate) fn plane_groups(plane: &ImagePlane, thickness_mm: f64) -> Elements {
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
}

/// Where a frame lies, and which stored image it is of. `indices`: its place in each dimension, from 1; `derivation`: how it was
/// made of that image.
pub(crate) fn frame_groups(placed: &PlacedFrame<'_>, indices: &[u32], derivation: &Code) -> Elements {
    let (image, plane) = (placed.image, placed.plane);
    let content = Elements::new()
        .long_numbers(tags::DIMENSION_INDEX_VALUES, indices.iter().copied())
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
        .sequence(tags::DERIVATION_CODE_SEQUENCE, vec![derivation.item()])
        .sequence(tags::SOURCE_IMAGE_SEQUENCE, vec![source])
        .build();
    Elements::new()
        .sequence(tags::FRAME_CONTENT_SEQUENCE, vec![content])
        .sequence(tags::PLANE_POSITION_SEQUENCE, vec![position])
        .sequence(tags::DERIVATION_IMAGE_SEQUENCE, vec![derivation])
}

fn decimals(numbers: impl IntoIterator<Item = f64>) -> String {
    let numbers: Vec<String> = numbers.into_iter().map(exact_decimal).collect();
    numbers.join("\\")
}
