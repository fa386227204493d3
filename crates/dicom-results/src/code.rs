//! Coded concepts (PS3.3 8.8).

use std::borrow::Cow;

use dicom_core::VR;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use norma_domain::{LungSide, PathologyType, Verdict};

use crate::elements::Elements;
use crate::wording::Language;

/// Designator of Norma's own codes.
pub(crate) const OWN_SCHEME: &str = "99NORMA";
/// Characters of a Code Meaning (LO).
const MEANING_LENGTH: usize = 64;
/// Characters of a Code Value (SH).
const VALUE_LENGTH: usize = 16;

/// A concept of a coding scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    value: Cow<'static, str>,
    scheme: &'static str,
    meaning: Cow<'static, str>,
}

impl Code {
    const fn new(value: &'static str, scheme: &'static str, meaning: &'static str) -> Self {
        Self {
            value: Cow::Borrowed(value),
            scheme,
            meaning: Cow::Borrowed(meaning),
        }
    }

    pub(crate) const fn dcm(value: &'static str, meaning: &'static str) -> Self {
        Self::new(value, "DCM", meaning)
    }

    pub(crate) const fn sct(value: &'static str, meaning: &'static str) -> Self {
        Self::new(value, "SCT", meaning)
    }

    pub(crate) const fn ucum(value: &'static str, meaning: &'static str) -> Self {
        Self::new(value, "UCUM", meaning)
    }

    pub(crate) const fn of(value: &'static str, scheme: &'static str, meaning: &'static str) -> Self {
        Self::new(value, scheme, meaning)
    }

    pub(crate) const fn own(value: &'static str, meaning: &'static str) -> Self {
        Self::new(value, OWN_SCHEME, meaning)
    }

    /// Norma's own code of a name that is longer than a Code Value may be: a long value (UC) has no limit.
    pub(crate) fn own_of(key: &str, meaning: &str) -> Self {
        Self {
            value: Cow::Owned(key.to_owned()),
            scheme: OWN_SCHEME,
            meaning: Cow::Owned(meaning.chars().take(MEANING_LENGTH).collect()),
        }
    }

    pub fn value(&self) -> &str {
        &self.value
    }

    /// Designator by PS3.16 8: SCT, DCM, 99NORMA.
    pub const fn scheme(&self) -> &'static str {
        self.scheme
    }

    pub fn meaning(&self) -> &str {
        &self.meaning
    }

    /// The item of a code sequence.
    pub(crate) fn item(&self) -> InMemDicomObject {
        let elements = if self.value.chars().count() <= VALUE_LENGTH {
            Elements::new().text(tags::CODE_VALUE, VR::SH, &self.value)
        } else {
            Elements::new().text(tags::LONG_CODE_VALUE, VR::UC, &self.value)
        };
        elements
            .text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, self.scheme)
            .text(tags::CODE_MEANING, VR::LO, &self.meaning)
            .build()
    }
}

/// Name of the algorithm.
pub(crate) const ALGORITHM: &str = "Norma";
pub(crate) const LUNG: Code = Code::sct("39607008", "Lung");
pub const FINDING: Code = Code::dcm("121071", "Finding");
pub const FINDING_SITE: Code = Code::sct("363698007", "Finding Site");
pub const VERDICT: Code = Code::own("verdict", "Verdict");
pub const PROBABILITY: Code = Code::own("probability", "Probability of pathology");
pub const REASON: Code = Code::own("reason", "Why the verdict is undetermined");
pub const LIMITATION: Code = Code::own("limitation", "What limited the view");
pub(crate) const SOURCE_IMAGE: Code = Code::dcm("121322", "Source image for image processing operation");

/// What a finding is. SNOMED CT or DCM where PS3.16 lists the concept, else Norma's own code, which is the label's key.
pub(crate) fn finding_code(pathology: PathologyType, name_en: &str) -> Code {
    match pathology {
        PathologyType::PleuralEffusion => Code::sct("60046008", "Pleural effusion"),
        PathologyType::PericardialEffusion => Code::sct("373945007", "Pericardial effusion"),
        PathologyType::Pneumothorax => Code::sct("36118008", "Pneumothorax"),
        PathologyType::LungNodule => Code::sct("27925004", "Nodule"),
        PathologyType::LungOpacity => Code::dcm("112001", "Opacity"),
        PathologyType::Lymphadenopathy => Code::sct("30746006", "Lymphadenopathy"),
        other => Code::own_of(other.as_str(), name_en),
    }
}

/// What a model's label is: as [`finding_code`] where it is one of the known types.
pub(crate) fn label_code(key: &str, name_en: &str) -> Code {
    PathologyType::ALL
        .into_iter()
        .find(|pathology| pathology.as_str() == key)
        .map_or_else(
            || Code::own_of(key, name_en),
            |pathology| finding_code(pathology, name_en),
        )
}

/// What a measured finding is, as in the objects.
pub fn finding_concept(pathology: PathologyType) -> Code {
    finding_code(pathology, Language::English.pathology(pathology))
}

pub const fn side_code(side: LungSide) -> Code {
    match side {
        LungSide::Right => Code::sct("24028007", "Right"),
        LungSide::Left => Code::sct("7771000", "Left"),
    }
}

pub const fn verdict_code(verdict: Verdict) -> Code {
    Code::own(verdict.as_str(), verdict_meaning(verdict))
}

/// In English.
pub const fn verdict_meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Norm => "Norm",
        Verdict::Pathology => "Pathology",
        Verdict::Undetermined => "Undetermined",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_code_that_fits() {
        for pathology in PathologyType::ALL {
            let item = finding_code(pathology, &"long ".repeat(40)).item();
            let value = item.get(tags::CODE_VALUE);
            assert_ne!(value.is_some(), item.get(tags::LONG_CODE_VALUE).is_some());
            if let Some(value) = value {
                assert!(value.to_str().unwrap().len() <= 16);
            }
            assert!(item.get(tags::CODE_MEANING).unwrap().to_str().unwrap().len() <= 64);
        }
    }

    #[test]
    fn a_label_of_a_known_type_has_the_types_code() {
        assert_eq!(
            label_code("pleural_effusion", "x"),
            finding_code(PathologyType::PleuralEffusion, "y")
        );
        assert_eq!(label_code("my_own", "Mine").meaning, "Mine");
    }
}
