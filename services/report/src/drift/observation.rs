//! What of a report is watched. Holds nothing of the patient but the id by which two studies are known to be of one.

use std::collections::{BTreeMap, HashSet};

use norma_database::{AnsweredStudy, Database, DatabaseError};
use norma_domain::{
    AnalysisId, BundleReference, MeasureCode, Probability, QualityConsequence, Report, ScannerProfile,
    Verdict,
};

/// A report, as far as it is watched.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observation {
    pub(super) scanner: Option<ScannerProfile>,
    pub(super) bundle: BundleReference,
    pub(super) verdict: Verdict,
    pub(super) score: Option<f64>,
    /// A check failed that is more than a note.
    pub(super) failed_quality: bool,
    pub(super) measures: Vec<(MeasureCode, f64)>,
}

impl From<&Report> for Observation {
    fn from(report: &Report) -> Self {
        let study = report.study.as_ref();
        let mut checks = report.quality.iter();
        let measures = report.measures.iter();
        Self {
            scanner: study.and_then(ScannerProfile::of_study),
            bundle: report.bundle.clone(),
            verdict: report.verdict,
            score: report.probability_of_pathology.map(Probability::value),
            failed_quality: checks
                .any(|check| !check.passed && check.consequence != QualityConsequence::Note),
            measures: measures
                .filter_map(|measure| Some((measure.code, measure.value.filter(|value| value.is_finite())?)))
                .collect(),
        }
    }
}

/// The newest answers of a database. A report does not change, so each is read once.
#[derive(Debug, Default)]
pub struct Observations {
    known: BTreeMap<AnalysisId, Observation>,
    newest_first: Vec<AnalysisId>,
}

impl Observations {
    /// Looks at the newest answers, at most so many: of a study analysed again the newest, and of a patient one study per scanner
    /// profile, since those of one are alike.
    pub async fn refresh(&mut self, database: &Database, newest: u32) -> Result<(), DatabaseError> {
        let answers = database.newest_answers(newest).await?;
        let listed: HashSet<AnalysisId> = answers.iter().map(|answer| answer.analysis_id).collect();
        self.known.retain(|id, _| listed.contains(id));
        for answer in &answers {
            if !self.known.contains_key(&answer.analysis_id)
                && let Some(report) = database.report(answer.analysis_id).await?
            {
                self.known.insert(answer.analysis_id, Observation::from(&report));
            }
        }
        self.newest_first = self.independent(&answers);
        Ok(())
    }

    fn independent(&self, answers: &[AnsweredStudy]) -> Vec<AnalysisId> {
        let mut scans = HashSet::new();
        let mut patients = HashSet::new();
        answers
            .iter()
            .filter(|answer| {
                let Some(observation) = self.known.get(&answer.analysis_id) else {
                    return false;
                };
                let is_first = scans.insert(answer.scan_id);
                let is_first_of_patient = answer
                    .patient_id
                    .is_none_or(|patient| patients.insert((patient, observation.scanner.as_ref())));
                is_first && is_first_of_patient
            })
            .map(|answer| answer.analysis_id)
            .collect()
    }

    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Observation> {
        self.newest_first.iter().filter_map(|id| self.known.get(id))
    }
}
