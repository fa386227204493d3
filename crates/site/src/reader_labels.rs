//! Labels from what readers said of answers.

use std::collections::BTreeMap;

use norma_database::{AnsweredStudy, DatabaseError, Judgement};
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

/// Every scan on which readers agree what is true.
async fn studies(
    answers: &Answers,
    left_out: &mut BTreeMap<LeftOut, u64>,
) -> Result<Vec<LabelledStudy>, DatabaseError> {
    let judgements = answers.database.judgements().await?;
    let mut by_scan: BTreeMap<ScanId, Vec<Judgement>> = BTreeMap::new();
    for judgement in judgements {
        by_scan
            .entry(judgement.about.scan_id)
            .or_default()
            .push(judgement);
    }
    let mut studies = Vec::new();
    for (scan_id, judgements) in by_scan {
        match study(answers, scan_id, &judgements).await? {
            Ok(study) => studies.push(study),
            Err(why) => count(left_out, why, 1),
        }
    }
    Ok(studies)
}

/// A reader judges the study, on whichever analysis the word was given: it holds for later analyses too.
async fn study(
    answers: &Answers,
    scan_id: ScanId,
    judgements: &[Judgement],
) -> Result<Result<LabelledStudy, LeftOut>, DatabaseError> {
    let mut labels = Vec::new();
    let mut finding = None;
    for judgement in judgements {
        let verdict = verdict_of(answers, judgement.about).await?;
        let label = judgement.label.as_deref();
        let is_finding = label.is_some_and(|label| answers.findings.iter().any(|known| known == label));
        match said(verdict, judgement.agree, label, is_finding) {
            Said::Contradiction => return Ok(Err(LeftOut::ReadersDisagree)),
            Said::Nothing => {}
            Said::Pathology(pathology) => labels.push(pathology),
        }
        if is_finding {
            finding = label.map(str::to_owned);
        }
    }
    let Some(&pathology) = labels.first() else {
        return Ok(Err(LeftOut::NoLabel));
    };
    if labels.contains(&!pathology) {
        return Ok(Err(LeftOut::ReadersDisagree));
    }
    let newest_first = answers.database.answers_of_scan(scan_id).await?;
    let answer = answers.of_study(&newest_first).await?;
    Ok(answer.map(|answer| {
        let mut study = answer.labelled(scan_id.to_string(), pathology);
        study
            .groups
            .extend(finding.map(|finding| (Grouping::Pathology, finding)));
        study
    }))
}

async fn verdict_of(answers: &Answers, about: AnsweredStudy) -> Result<Option<Verdict>, DatabaseError> {
    let answer = answers.database.answer(about.analysis_id).await?;
    Ok(answer.map(|answer| answer.verdict))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// Whether the study is pathology.
    Pathology(bool),
    Nothing,
    Contradiction,
}

/// What a word says is true. A label goes before agreement, which may be with a verdict and yet name another finding.
fn said(verdict: Option<Verdict>, agree: bool, label: Option<&str>, is_finding: bool) -> Said {
    match (label, verdict) {
        (Some("norm"), _) => Said::Pathology(false),
        (Some("pathology"), _) => Said::Pathology(true),
        (Some(_), Some(Verdict::Norm)) if is_finding && agree => Said::Contradiction,
        (Some(_), _) if is_finding => Said::Pathology(true),
        (_, Some(Verdict::Norm)) => Said::Pathology(!agree),
        (_, Some(Verdict::Pathology)) => Said::Pathology(agree),
        (_, Some(Verdict::Undetermined) | None) => Said::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_what_is_true_by_label_and_verdict() {
        let norm = Some(Verdict::Norm);
        let pathology = Some(Verdict::Pathology);
        let undetermined = Some(Verdict::Undetermined);
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
