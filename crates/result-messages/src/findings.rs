//! Measured findings, in codes and in words.

use norma_dicom_results::{CodedConcept, finding_concept};
use norma_domain::{LungSide, LungThird, MeasuredFinding};

/// A number of a finding.
pub(crate) struct Quantity {
    pub(crate) concept: CodedConcept,
    pub(crate) value: f64,
    /// UCUM.
    pub(crate) unit: &'static str,
}

pub(crate) fn concept(finding: &MeasuredFinding) -> CodedConcept {
    finding_concept(finding.pathology)
}

pub(crate) fn quantities(finding: &MeasuredFinding) -> Vec<Quantity> {
    let quantity = |code, scheme, meaning, value, unit| Quantity {
        concept: CodedConcept::new(code, scheme, meaning),
        value,
        unit,
    };
    let diameter = finding
        .nodule
        .map(|nodule| quantity("81827009", "SCT", "Diameter", nodule.diameter_mm, "mm"));
    let others = [
        quantity("118565006", "SCT", "Volume", finding.volume_ml, "ml"),
        quantity(
            "112031",
            "DCM",
            "Attenuation Coefficient",
            finding.mean_hu,
            "[hnsf'U]",
        ),
    ];
    // A number that is none cannot be written.
    let all = diameter.into_iter().chain(others);
    all.filter(|quantity| quantity.value.is_finite()).collect()
}

pub(crate) const fn side_code(side: LungSide) -> (&'static str, &'static str) {
    match side {
        LungSide::Right => ("24028007", "Right"),
        LungSide::Left => ("7771000", "Left"),
    }
}

pub(crate) const fn third(third: LungThird) -> &'static str {
    match third {
        LungThird::Lower => "lower third",
        LungThird::Middle => "middle third",
        LungThird::Upper => "upper third",
    }
}

/// `Pleural effusion: right lower third, 34.2 ml.`
pub(crate) fn words(finding: &MeasuredFinding) -> String {
    let (_, side) = side_code(finding.side);
    format!(
        "{}: {} {}, {:.1} ml.",
        concept(finding).meaning(),
        side.to_lowercase(),
        third(finding.third),
        finding.volume_ml
    )
}
