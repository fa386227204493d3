//! What is said of a measured finding, in objects and in messages alike.

use norma_domain::MeasuredFinding;

use crate::code::Code;
use crate::wording::Language;

const MILLILITRE: Code = Code::ucum("ml", "ml");
const HOUNSFIELD_UNIT: Code = Code::ucum("[hnsf'U]", "Hounsfield unit");
const MILLIMETRE: Code = Code::ucum("mm", "mm");
const DIAMETER: Code = Code::sct("81827009", "Diameter");
const VOLUME: Code = Code::sct("118565006", "Volume");
const ATTENUATION: Code = Code::dcm("112031", "Attenuation Coefficient");
const MEAN: Code = Code::sct("373098007", "Mean");

/// A number of a finding.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingMeasure {
    pub name: Code,
    pub value: f64,
    /// Of UCUM.
    pub unit: Code,
    /// How the number sums up the finding, e.g. its mean.
    pub derivation: Option<Code>,
}

/// The diameter of a nodule, the volume and the attenuation.
pub fn finding_measures(finding: &MeasuredFinding) -> Vec<FindingMeasure> {
    let measure = |name, value, unit, derivation| FindingMeasure {
        name,
        value,
        unit,
        derivation,
    };
    let diameter = finding
        .nodule
        .map(|nodule| measure(DIAMETER, nodule.diameter_mm, MILLIMETRE, None));
    let others = [
        measure(VOLUME, finding.volume_ml, MILLILITRE, None),
        measure(ATTENUATION, finding.mean_hu, HOUNSFIELD_UNIT, Some(MEAN)),
    ];
    diameter.into_iter().chain(others).collect()
}

/// What, where, how large, and whether it decides: `Pleural effusion: right lower third, 34.2 ml, 12 HU`.
pub fn finding_words(finding: &MeasuredFinding, language: Language) -> String {
    let size = match finding.nodule {
        Some(nodule) => {
            format!("{:.0} {}", nodule.diameter_mm, language.choose("mm", "мм"))
        }
        None => format!("{:.1} {}", finding.volume_ml, language.choose("ml", "мл")),
    };
    format!(
        "{}: {}, {size}, {:.0} HU{}",
        language.pathology(finding.pathology),
        language.place(finding.side, finding.third),
        finding.mean_hu,
        if finding.decides {
            ""
        } else {
            language.choose(" (does not decide)", " (не решает)")
        },
    )
}

/// Names a measured finding within its analysis, by its index.
pub fn finding_identifier(index: usize) -> String {
    format!("finding-{}", index + 1)
}
