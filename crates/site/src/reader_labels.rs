//! Labels from what readers said of answers.

use std::collections::BTreeMap;

use norma_database::{DatabaseError, Judgement};
use norma_domain::{ScanId, Verdict};

use crate::answers::Answers;
use crate::study::{Grouping, LabelledStudy, LeftOut, count};

/// What readers agree to be true of studies.
#[derive(Debug, Clone, PartialEq)]
pub struct ReaderLabels {
    /// By their scans' ids; all of a patient.
    pub studies: Vec<LabelledStudy>,
    pub left_out: BTreeMap<LeftOut, u64>,
}

impl ReaderLabels {
    pub async fn read(answers: &Answers) -> Result<Self, DatabaseError> {
        let mut left_out = BTreeMap::new();
        let studies = studies(answers, &mut left_out).await?;
        Ok(Self { studies, left_out })
    }
}

/// Scans that readers agree to be norm, whichever bundle answered.
#[derive(Debug, Clone, PartialEq)]
pub struct AgreedNorms {
    pub scans: Vec<ScanId>,
    /// Scans that somebody judged and on which nothing is agreed.
    pub left_out: BTreeMap<LeftOut, u64>,
}

impl AgreedNorms {
    pub async fn read(answers: &Answers) -> Result<Self, DatabaseError> {
        let mut left_out = BTreeMap::new();
        let agreed = agreed_labels(answers, &mut left_out).await?;
        let norms = agreed.iter().filter(|label| !label.pathology);
        Ok(Self {
            scans: norms.map(|label| label.scan_id).collect(),
            left_out,
        })
    }
}

/// Every scan on which readers agree what is true, with what.
async fn agreed_labels(
    answers: &Answers,
    left_out: &mut BTreeMap<LeftOut, u64>,
) -> Result<Vec<AgreedLabel>, DatabaseError> {
    let judgements = answers.database.judgements().await?;
    let mut by_scan: BTreeMap<ScanId, Vec<Judgement>> = BTreeMap::new();
    for judgement in judgements {
        by_scan
            .entry(judgement.about.scan_id)
            .or_default()
            .push(judgement);
    }
    let mut agreed = Vec::new();
    for (scan_id, judgements) in by_scan {
        match agreed_on(scan_id, &judgements, &answers.findings) {
            Ok(label) => agreed.push(label),
            Err(why) => count(left_out, why, 1),
        }
    }
    Ok(agreed)
}

/// Every scan on which readers agree what is true, as far as the bundle's models answered.
async fn studies(
    answers: &Answers,
    left_out: &mut BTreeMap<LeftOut, u64>,
) -> Result<Vec<LabelledStudy>, DatabaseError> {
    let agreed = agreed_labels(answers, left_out).await?;
    let scans = agreed.iter().map(|label| label.scan_id).collect();
    let mut of_scans = answers.database.answers_of_scans(scans).await?;
    let newest_first: Vec<_> = agreed
        .iter()
        .map(|label| of_scans.remove(&label.scan_id).unwrap_or_default())
        .collect();
    let mut studies = Vec::new();
    for (label, answer) in agreed.into_iter().zip(answers.of_each(&newest_first).await?) {
        match answer {
            Ok(answer) => {
                let mut study = answer.labelled(label.scan_id.to_string(), label.pathology);
                let finding = label.finding.map(|finding| (Grouping::Pathology, finding));
                study.groups.extend(finding);
                studies.push(study);
            }
            Err(why) => count(left_out, why, 1),
        }
    }
    Ok(studies)
}

/// What readers agree to be true of a scan.
struct AgreedLabel {
    scan_id: ScanId,
    pathology: bool,
    /// The key of what was found.
    finding: Option<String>,
}

/// A reader judges the study, on whichever analysis the word was given: it holds for later analyses too.
fn agreed_on(scan_id: ScanId, judgements: &[Judgement], findings: &[String]) -> Result<AgreedLabel, LeftOut> {
    let mut labels = Vec::new();
    let mut finding = None;
    for judgement in judgements {
        let label = judgement.label.as_deref();
        let is_finding = label.is_some_and(|label| findings.iter().any(|known| known == label));
        match said(judgement.verdict, judgement.agree, label, is_finding) {
            Said::Contradiction => return Err(LeftOut::ReadersDisagree),
            Said::Nothing => {}
            Said::Pathology(pathology) => labels.push(pathology),
        }
        if is_finding {
            finding = label.map(str::to_owned);
        }
    }
    let Some(&pathology) = labels.first() else {
        return Err(LeftOut::NoLabel);
    };
    if labels.contains(&!pathology) {
        return Err(LeftOut::ReadersDisagree);
    }
    Ok(AgreedLabel {
        scan_id,
        pathology,
        finding,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// Whether the study is pathology.
    Pathology(bool),
    Nothing,
    Contradiction,
}

/// What a word says is true. A label goes before agreement, which may be with a verdict and yet name another finding.
fn said(verdict: Verdict, agree: bool, label: Option<&str>, is_finding: bool) -> Said {
    match (label, verdict) {
        (Some("norm"), _) => Said::Pathology(false),
        (Some("pathology"), _) => Said::Pathology(true),
        (Some(_), Verdict::Norm) if is_finding && agree => Said::Contradiction,
        (Some(_), _) if is_finding => Said::Pathology(true),
        (_, Verdict::Norm) => Said::Pathology(!agree),
        (_, Verdict::Pathology) => Said::Pathology(agree),
        (_, Verdict::Undetermined) => Said::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_what_is_true_by_label_and_verdict() {
        let norm = Verdict::Norm;
        let pathology = Verdict::Pathology;
        let undetermined = Verdict::Undetermined;
        for (verdict, agree, label, is_finding, expected) in [
            (norm, true, None, false, Said::Pathology(false)),
            (norm, false, None, false, Said::Pathology(true)),
            (pathology, true, None, false, Said::Pathology(true)),
            (pathology, false, None, false, Said::Pathology(false)),
            (undetermined, true, None, false, Said::Nothing),
            (undetermined, false, None, false, Said::Nothing),
            (undetermined, false, Some("norm"), false, Said::Pathology(false)),
            (pathology, false, Some("emphysema"), true, Said::Pathology(true)),
            (norm, false, Some("emphysema"), true, Said::Pathology(true)),
            (norm, true, Some("emphysema"), true, Said::Contradiction),
            (norm, true, Some("artefact"), false, Said::Pathology(false)),
            (undetermined, false, Some("artefact"), false, Said::Nothing),
        ] {
            assert_eq!(
                said(verdict, agree, label, is_finding),
                expected,
                "{label:?} {agree}"
            );
        }
    }
}
