//! Content items of a structured report (PS3.3 C.17.3).

use dicom_core::VR;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use crate::code::Code;
use crate::elements::{Elements, decimal};
use crate::modules::frame_reference;
use crate::outline::Outline;
use crate::source::SourceImage;

/// How an item stands to the one that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Contains,
    HasConceptModifier,
    HasObservationContext,
    SelectedFrom,
}

impl Relation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Contains => "CONTAINS",
            Self::HasConceptModifier => "HAS CONCEPT MOD",
            Self::HasObservationContext => "HAS OBS CONTEXT",
            Self::SelectedFrom => "SELECTED FROM",
        }
    }
}

/// One item with those that it holds.
pub(super) struct ContentItem {
    elements: Elements,
    children: Vec<InMemDicomObject>,
}

impl ContentItem {
    fn new(relation: Option<Relation>, value_type: &str, name: Option<&Code>) -> Self {
        let mut elements = Elements::new()
            .text_if_any(tags::RELATIONSHIP_TYPE, VR::CS, relation.map(Relation::as_str))
            .text(tags::VALUE_TYPE, VR::CS, value_type);
        if let Some(name) = name {
            elements = elements.sequence(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![name.item()]);
        }
        Self {
            elements,
            children: Vec::new(),
        }
    }

    fn with(self, change: impl FnOnce(Elements) -> Elements) -> Self {
        Self {
            elements: change(self.elements),
            ..self
        }
    }

    /// A container, of the template where it is the root of one (of mapping resource DCMR).
    pub(super) fn container(relation: Option<Relation>, name: &Code, template: Option<&str>) -> Self {
        Self::new(relation, "CONTAINER", Some(name)).with(|elements| {
            let elements = elements.text(tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE");
            let Some(template) = template else {
                return elements;
            };
            let item = Elements::new()
                .text(tags::MAPPING_RESOURCE, VR::CS, "DCMR")
                .text(tags::TEMPLATE_IDENTIFIER, VR::CS, template)
                .build();
            elements.sequence(tags::CONTENT_TEMPLATE_SEQUENCE, vec![item])
        })
    }

    pub(super) fn text(relation: Relation, name: &Code, text: &str) -> Self {
        Self::new(Some(relation), "TEXT", Some(name))
            .with(|elements| elements.text(tags::TEXT_VALUE, VR::UT, text))
    }

    pub(super) fn code(relation: Relation, name: &Code, value: &Code) -> Self {
        Self::new(Some(relation), "CODE", Some(name))
            .with(|elements| elements.sequence(tags::CONCEPT_CODE_SEQUENCE, vec![value.item()]))
    }

    pub(super) fn uid(relation: Relation, name: &Code, uid: &str) -> Self {
        Self::new(Some(relation), "UIDREF", Some(name)).with(|elements| elements.text(tags::UID, VR::UI, uid))
    }

    pub(super) fn number(name: &Code, value: f64, unit: &Code) -> Self {
        let measured = Elements::new()
            .text(tags::NUMERIC_VALUE, VR::DS, decimal(value))
            .sequence(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, vec![unit.item()])
            .build();
        Self::new(Some(Relation::Contains), "NUM", Some(name))
            .with(|elements| elements.sequence(tags::MEASURED_VALUE_SEQUENCE, vec![measured]))
    }

    /// An outline in the image that it was selected from.
    pub(super) fn outline(name: &Code, source: &Code, outline: &Outline<'_>) -> Self {
        let referenced = frame_reference(outline.image, outline.frame).build();
        let image = Self::new(Some(Relation::SelectedFrom), "IMAGE", Some(source))
            .with(|elements| elements.sequence(tags::REFERENCED_SOP_SEQUENCE, vec![referenced]));
        Self::new(Some(Relation::Contains), "SCOORD", Some(name))
            .with(|elements| {
                elements
                    .text(tags::GRAPHIC_TYPE, VR::CS, "POLYLINE")
                    .floats(tags::GRAPHIC_DATA, outline.points.iter().flatten().copied())
            })
            .holding([image])
    }

    /// An image, or one of its frames.
    pub(super) fn image(image: &SourceImage, frame: Option<u32>) -> Self {
        let referenced = frame_reference(image, frame).build();
        Self::new(Some(Relation::Contains), "IMAGE", None)
            .with(|elements| elements.sequence(tags::REFERENCED_SOP_SEQUENCE, vec![referenced]))
    }

    pub(super) fn holding(mut self, children: impl IntoIterator<Item = ContentItem>) -> Self {
        self.children
            .extend(children.into_iter().map(|child| child.into_elements().build()));
        self
    }

    /// The item's elements: of the root, to be joined with those of the document.
    pub(super) fn into_elements(self) -> Elements {
        if self.children.is_empty() {
            self.elements
        } else {
            self.elements.sequence(tags::CONTENT_SEQUENCE, self.children)
        }
    }
}
