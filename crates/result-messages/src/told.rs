use chrono::{DateTime, Utc};
use norma_dicom_results::{Language, StudyAttributes, finding_words, software_version, verdict_meaning};
use norma_domain::Report;

/// What a message says: the answer, and whose study it is of.
#[derive(Clone, Copy)]
pub struct Told<'a> {
    pub report: &'a Report,
    pub study: &'a StudyAttributes,
}

impl Told<'_> {
    pub(crate) fn finished_at(&self) -> DateTime<Utc> {
        self.report.timings.finished_at
    }

    /// `Norma 0.1.0, bundle name 1.2.3`.
    pub(crate) fn algorithm(&self) -> String {
        format!("Norma {}", software_version(self.report))
    }

    /// The verdict and why, for a person.
    pub(crate) fn conclusion(&self) -> String {
        let mut lines = vec![format!("{}.", verdict_meaning(self.report.verdict))];
        let reasons = self.report.reasons.iter().chain(&self.report.limitations);
        let mut said: Vec<&str> = Vec::new();
        for reason in reasons {
            if !said.contains(&reason.message.as_str()) {
                said.push(&reason.message);
            }
        }
        lines.extend(said.iter().map(|reason| (*reason).to_owned()));
        let findings = self.report.measured_findings.iter();
        lines.extend(findings.map(|finding| format!("{}.", finding_words(finding, Language::English))));
        lines.push(self.report.disclaimer.clone());
        lines.join("\n")
    }
}
