//! What of a report is watched. Holds nothing of the patient but the id by which two studies are known to be of one.

use std::collections::{BTreeMap, HashSet};

use norma_database::{AnsweredStudy, Database, DatabaseError};
use norma_domain::{
    BundleReference, MeasureCode, Probability, QualityConsequence, Report, ScannerProfile, Verdict,
};
use serde::{Deserialize, Serialize};

/// A report, as far as it is watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

/// The newest answers of a database, the newest first: of a study analysed again the newest, and of a patient one study per scanner
/// profile, since those of one are alike.
#[derive(Debug, Default)]
pub struct Observations {
    newest_first: Vec<Observation>,
    /// Answers that another version of Norma wrote in words that this one does not know.
    pub(super) unreadable: usize,
    /// Answers to studies that were analysed again since, and of patients of whom a newer study on the same scanner counts.
    pub(super) repeated: usize,
    /// The installed bundle whose models a bundle with accepted thresholds has, by its hash.
    installed: BTreeMap<String, String>,
}

impl Observations {
    /// Notes what is watched of each answer of which that was not done yet, and reads what is noted of the newest, at most so many.
    /// Each report is read once in an installation, whichever process asks.
    pub async fn read(database: &Database, newest: u32) -> Result<Self, DatabaseError> {
        let mut unreadable = 0;
        for id in database.unobserved_answers(newest).await? {
            let report = match database.report(id).await {
                // One that cannot be read is counted: it would end the watch for all others.
                Err(DatabaseError::CorruptRow { .. }) => {
                    unreadable += 1;
                    continue;
                }
                report => report?,
            };
            if let Some(report) = report {
                let observation = serde_json::to_value(Observation::from(&report))
                    .map_err(|_| DatabaseError::NotStorable("observation"))?;
                database.note_observation(id, observation).await?;
            }
        }
        let noted = database.observed_answers(newest).await?;
        let all = noted.len();
        let known = noted.into_iter().filter_map(|noted| {
            let observation = serde_json::from_value(noted.observation).ok()?;
            Some((noted.about, observation))
        });
        let known: Vec<(AnsweredStudy, Observation)> = known.collect();
        unreadable += all - known.len();
        let readable = known.len();
        let newest_first = independent(known);
        Ok(Self {
            unreadable,
            repeated: readable - newest_first.len(),
            newest_first,
            installed: database.bundles_with_accepted_thresholds().await?,
        })
    }

    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Observation> {
        self.newest_first.iter()
    }

    /// Equal for bundles whose scores are on one scale: they differ in accepted thresholds at most.
    pub(super) fn scale_of<'a>(&'a self, bundle: &'a BundleReference) -> &'a str {
        let sha256 = &bundle.sha256;
        self.installed.get(sha256).unwrap_or(sha256)
    }
}

fn independent(noted: Vec<(AnsweredStudy, Observation)>) -> Vec<Observation> {
    let mut scans = HashSet::new();
    let mut patients = HashSet::new();
    let first = noted.into_iter().filter(|(about, observation)| {
        let is_first = scans.insert(about.scan_id);
        let is_first_of_patient = about
            .patient_id
            .is_none_or(|patient| patients.insert((patient, observation.scanner.clone())));
        is_first && is_first_of_patient
    });
    first.map(|(_, observation)| observation).collect()
}
