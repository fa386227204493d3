//! What a pathology is called: by what was measured first, by what the models learnt where nothing was.

use norma_domain::{Finding, MeasureCode, MeasureState, PathologyType, Quantification};

use super::evidence::deciding_findings;

/// Types that a measure defines: where it was taken and lies within its range, a model that sees the type is wrong.
///
/// Emphysema is lung below −950 HU. An opacity or a nodule that a model sees may be one that the measures do not look for
/// (on the chest wall, in a collapsed lobe), so they say nothing against it.
const DEFINED_BY: [(PathologyType, MeasureCode); 1] =
    [(PathologyType::Emphysema, MeasureCode::LowAttenuation950)];

/// The types that decide by what was measured, each once.
pub(super) fn measured_types(quantification: Option<&Quantification>) -> Vec<PathologyType> {
    let Some(measured) = quantification else {
        return Vec::new();
    };
    let mut types: Vec<PathologyType> = deciding_findings(measured)
        .map(|finding| finding.pathology)
        .chain(measured.deciding().filter_map(|measure| measure.code.shows()))
        .collect();
    types.sort_unstable();
    types.dedup();
    types
}

/// The typing model's findings, with those absent that a measure says are not there. The probability stays: it is what
/// the model said.
pub(super) fn corrected(mut findings: Vec<Finding>, quantification: Option<&Quantification>) -> Vec<Finding> {
    for finding in findings.iter_mut().filter(|finding| finding.present) {
        let is_contradicted = DEFINED_BY.iter().any(|(pathology, code)| {
            finding.label == pathology.as_str()
                && quantification
                    .and_then(|measured| measured.measure(*code))
                    .is_some_and(|measure| measure.state == MeasureState::Within)
        });
        finding.present = !is_contradicted;
    }
    findings
}
