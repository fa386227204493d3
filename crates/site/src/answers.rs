//! What the running bundle answered to studies.

use std::collections::BTreeMap;

use norma_database::{AnsweredStudy, Database, DatabaseError};
use norma_domain::{
    Probability, ReasonCode, Report, ScanId, ScannerProfile, Stage, StudyIdentity, StudyInstanceUid, Verdict,
};
use norma_inference::Bundle;

use crate::study::{Grouping, LabelledStudy, LeftOut, age_band_of, count};

/// Reports are large: so many are held in memory at a time.
pub(crate) const REPORTS_AT_ONCE: usize = 100;

/// The answers of a database, as far as they were given with the models of a bundle, whichever thresholds were accepted for it.
pub struct Answers {
    pub(crate) database: Database,
    /// The hash of the bundle as it is installed.
    installed: String,
    /// The installed bundle of each with accepted thresholds.
    of_models: BTreeMap<String, String>,
    /// Keys of the findings that the bundle knows.
    pub(crate) findings: Vec<String>,
}

/// What can be said of a study from its report.
pub(crate) struct Answer {
    pub(crate) scan_id: ScanId,
    pub(crate) score: Option<f64>,
    probability: Option<f64>,
    is_withheld: bool,
    pub(crate) patient: Option<String>,
    pub(crate) profile: Option<ScannerProfile>,
    groups: BTreeMap<Grouping, String>,
}

impl Answer {
    pub(crate) fn labelled(self, name: String, pathology: bool) -> LabelledStudy {
        LabelledStudy {
            name,
            scan_id: Some(self.scan_id),
            pathology,
            score: self.score,
            probability: self.probability,
            is_withheld: self.is_withheld,
            patient: self.patient,
            profile: self.profile,
            groups: self.groups,
        }
    }
}

impl Answers {
    pub async fn open(database: Database, bundle: &Bundle) -> Result<Self, DatabaseError> {
        let typing = bundle.models_of(Stage::Typing);
        let labels = typing.iter().flat_map(|model| &model.manifest.labels);
        Ok(Self {
            installed: bundle.installed().sha256.clone(),
            of_models: database.bundles_with_accepted_thresholds().await?,
            findings: labels.map(|label| label.key.clone()).collect(),
            database,
        })
    }

    fn is_of_models(&self, report: &Report) -> bool {
        let sha256 = &report.bundle.sha256;
        self.of_models.get(sha256).unwrap_or(sha256) == &self.installed
    }

    /// The scores of labelled studies by their names: a scan's id, or a Study Instance UID. What is said of a study already goes before
    /// what the database knows.
    pub(crate) async fn of_studies(
        &self,
        rows: Vec<LabelledStudy>,
        left_out: &mut BTreeMap<LeftOut, u64>,
    ) -> Result<Vec<LabelledStudy>, DatabaseError> {
        let mut by_name = Vec::with_capacity(rows.len());
        for row in &rows {
            by_name.push(self.newest_first(&row.name).await?);
        }
        let mut studies = Vec::with_capacity(rows.len());
        for (row, answer) in rows.into_iter().zip(self.of_each(&by_name).await?) {
            match answer {
                Err(why) => count(left_out, why, 1),
                Ok(answer) => {
                    let known = answer.labelled(row.name, row.pathology);
                    studies.push(LabelledStudy {
                        patient: row.patient.or(known.patient),
                        profile: row.profile.or(known.profile),
                        // The later of two equal keys stays.
                        groups: known.groups.into_iter().chain(row.groups).collect(),
                        ..known
                    });
                }
            }
        }
        Ok(studies)
    }

    /// By the id of a scan, or a Study Instance UID; nothing where the name is neither.
    async fn newest_first(&self, name: &str) -> Result<Vec<AnsweredStudy>, DatabaseError> {
        if let Ok(id) = name.parse::<ScanId>() {
            self.database.answers_of_scan(id).await
        } else if let Ok(uid) = StudyInstanceUid::try_from(name.to_owned()) {
            self.database.answers_of_study(uid).await
        } else {
            Ok(Vec::new())
        }
    }

    /// The newest answer that the bundle's models gave to each study, in their order; each study by its analyses, the newest first.
    pub(crate) async fn of_each<Analyses: AsRef<[AnsweredStudy]>>(
        &self,
        studies: &[Analyses],
    ) -> Result<Vec<Result<Answer, LeftOut>>, DatabaseError> {
        let mut answers = Vec::with_capacity(studies.len());
        for part in studies.chunks(REPORTS_AT_ONCE) {
            let newest = self.newest_of_models(part).await?;
            let scans = newest.iter().filter_map(Newest::scan_id);
            let identities = self.database.scan_identities(scans.collect()).await?;
            for (study, newest) in part.iter().zip(newest) {
                answers.push(match newest {
                    Newest::Report(about, report) => {
                        let identity = identities.get(&about.scan_id).cloned().unwrap_or_default();
                        Ok(answer(&about, &report, identity.study))
                    }
                    Newest::Missing { .. } if study.as_ref().is_empty() => Err(LeftOut::NoAnswer),
                    Newest::Missing { is_unreadable: true } => Err(LeftOut::Unreadable),
                    Newest::Missing { .. } => Err(LeftOut::OtherBundle),
                });
            }
        }
        Ok(answers)
    }

    /// The newest report of each study that is of the bundle's models. Most studies have it first.
    async fn newest_of_models<Analyses: AsRef<[AnsweredStudy]>>(
        &self,
        studies: &[Analyses],
    ) -> Result<Vec<Newest>, DatabaseError> {
        let missing = Newest::Missing { is_unreadable: false };
        let mut found = vec![missing; studies.len()];
        for place in 0.. {
            let open = studies.iter().zip(&mut found);
            let asked: Vec<(AnsweredStudy, &mut Newest)> = open
                .filter(|(_, found)| matches!(found, Newest::Missing { .. }))
                .filter_map(|(study, found)| Some((*study.as_ref().get(place)?, found)))
                .collect();
            if asked.is_empty() {
                break;
            }
            let ids = asked.iter().map(|(about, _)| about.analysis_id).collect();
            let mut reports = self.database.reports(ids).await?;
            for (about, found) in asked {
                match reports.remove(&about.analysis_id) {
                    Some(Some(report)) if self.is_of_models(&report) => {
                        *found = Newest::Report(about, Box::new(report));
                    }
                    Some(None) => *found = Newest::Missing { is_unreadable: true },
                    // By other models, or deleted meanwhile.
                    Some(Some(_)) | None => {}
                }
            }
        }
        Ok(found)
    }
}

/// The newest report of a study that the bundle's models gave.
#[derive(Clone)]
enum Newest {
    Report(AnsweredStudy, Box<Report>),
    Missing {
        /// One of its reports cannot be read, so that nobody knows whose it is.
        is_unreadable: bool,
    },
}

impl Newest {
    fn scan_id(&self) -> Option<ScanId> {
        match self {
            Self::Report(about, _) => Some(about.scan_id),
            Self::Missing { .. } => None,
        }
    }
}

fn answer(about: &AnsweredStudy, report: &Report, identity: StudyIdentity) -> Answer {
    let in_files = identity
        .patient_id
        .map(|id| format!("{} {id}", identity.issuer_of_patient_id.unwrap_or_default()));
    let patient = about.patient_id.map(|id| id.to_string()).or(in_files);
    let study = report.study.as_ref();
    let profile = study.and_then(ScannerProfile::of_study);
    let age = study.and_then(|study| study.patient_age_years);
    let groups = [
        (Grouping::Scanner, profile.as_ref().map(ToString::to_string)),
        (Grouping::Sex, identity.sex),
        (Grouping::AgeBand, age.map(age_band_of)),
    ];
    let score = score_of(report);
    Answer {
        scan_id: about.scan_id,
        score,
        probability: report
            .probability_of_pathology
            .map(Probability::value)
            .filter(|_| score.is_some()),
        is_withheld: is_withheld(report),
        patient,
        profile,
        groups: groups
            .into_iter()
            .filter_map(|(by, group)| Some((by, group?)))
            .collect(),
    }
}

/// The threshold from which on the study is no pathology any more: its probability, or 1 where what was measured decides, at
/// whichever threshold. None where the study has no answer.
fn score_of(report: &Report) -> Option<f64> {
    let probability = report.probability_of_pathology.map(Probability::value);
    let threshold = report.operating_point.threshold.value();
    match report.verdict {
        Verdict::Norm => probability,
        Verdict::Pathology if report.is_pathology_by_measures() => Some(1.0),
        // Older reports do not tell their measures: below the threshold it was these.
        Verdict::Pathology => Some(probability.filter(|value| *value >= threshold).unwrap_or(1.0)),
        // What was withheld because its threshold was not verified: it is what a threshold is learnt from. What else is
        // undetermined has a probability that may rest on what is not to be trusted.
        Verdict::Undetermined => probability.filter(|_| is_withheld(report)),
    }
}

fn is_withheld(report: &Report) -> bool {
    let mut reasons = report.reasons.iter();
    report.verdict == Verdict::Undetermined
        && !report.reasons.is_empty()
        && reasons.all(|reason| {
            matches!(
                reason.code,
                ReasonCode::ThresholdUnverified | ReasonCode::ScoreAlone
            )
        })
}
