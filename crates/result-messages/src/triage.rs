//! How urgent an answer is, by HL7's codes of interpretation (table 0078, v3 ObservationInterpretation).

use norma_domain::Verdict;

/// `N` normal, `A` abnormal, `IND` indeterminate.
pub(crate) const fn flag(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Norm => "N",
        Verdict::Pathology => "A",
        Verdict::Undetermined => "IND",
    }
}

pub(crate) const fn flag_meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Norm => "Normal",
        Verdict::Pathology => "Abnormal",
        Verdict::Undetermined => "Indeterminate",
    }
}
