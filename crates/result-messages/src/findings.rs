//! What messages say of measured findings.

use norma_dicom_results::{FindingMeasure, finding_measures};
use norma_domain::{LungThird, MeasuredFinding};

/// The numbers of a finding that can be written: those that are finite.
pub(crate) fn measures(finding: &MeasuredFinding) -> impl Iterator<Item = FindingMeasure> {
    let measures = finding_measures(finding).into_iter();
    measures.filter(|measure| measure.value.is_finite())
}

pub(crate) const fn third(third: LungThird) -> &'static str {
    match third {
        LungThird::Lower => "lower third",
        LungThird::Middle => "middle third",
        LungThird::Upper => "upper third",
    }
}
