//! What the running bundle answered to studies.

use std::collections::BTreeMap;

use anyhow::Context as _;
use norma_database::{AnsweredStudy, Database};
use norma_domain::{
    BundleReference, Probability, ReasonCode, Report, ScanId, ScannerProfile, Stage, StudyInstanceUid,
    Verdict,
};
use norma_inference::Bundle;
use norma_service::Settings;

use super::study::{Grouping, LabelledStudy, LeftOut, age_band_of, count};
use super::table::LabelledRow;

/// The answers of a database, as far as they were given with the bundle of the settings.
pub(super) struct Answers {
    pub(super) database: Database,
    bundle: BundleReference,
    /// Keys of the findings that the bundle knows.
    pub(super) findings: Vec<String>,
}

/// What can be said of a study from its report.
pub(super) struct Answer {
    pub(super) scan_id: ScanId,
    pub(super) score: Option<f64>,
    probability: Option<f64>,
    is_withheld: bool,
    pub(super) patient: Option<String>,
    pub(super) profile: Option<ScannerProfile>,
    groups: BTreeMap<Grouping, String>,
}

impl Answer {
    pub(super) fn labelled(self, name: String, pathology: bool) -> LabelledStudy {
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
    pub(super) fn new(database: Database, settings: &Settings) -> anyhow::Result<Self> {
        let bundle = Bundle::load(&settings.models.bundle).context("failed to load the model bundle")?;
        let typing = bundle.models_of(Stage::Typing);
        let labels = typing.iter().flat_map(|model| &model.manifest.labels);
        Ok(Self {
            database,
            bundle: bundle.reference().clone(),
            findings: labels.map(|label| label.key.clone()).collect(),
        })
    }

    /// The scores of the rows' studies; what a row says itself goes before what the database knows.
    pub(super) async fn of_rows(
        &self,
        rows: Vec<LabelledRow>,
        left_out: &mut BTreeMap<LeftOut, u64>,
    ) -> anyhow::Result<Vec<LabelledStudy>> {
        let mut studies = Vec::with_capacity(rows.len());
        for row in rows {
            let row = row.into_study();
            let answered = self.newest_first(&row.name).await?;
            match self.of_study(&answered).await? {
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
    async fn newest_first(&self, name: &str) -> anyhow::Result<Vec<AnsweredStudy>> {
        let answers = if let Ok(id) = name.parse::<ScanId>() {
            self.database.answers_of_scan(id).await
        } else if let Ok(uid) = StudyInstanceUid::try_from(name.to_owned()) {
            self.database.answers_of_study(uid).await
        } else {
            return Ok(Vec::new());
        };
        answers.context("failed to look a study up in the database")
    }

    /// The newest answer that the bundle gave.
    pub(super) async fn of_study(
        &self,
        newest_first: &[AnsweredStudy],
    ) -> anyhow::Result<Result<Answer, LeftOut>> {
        for study in newest_first {
            let report = self.database.report(study.analysis_id).await;
            match report.context("failed to read a report")? {
                Some(report) if report.bundle == self.bundle => {
                    return Ok(Ok(self.answer(study, report).await?));
                }
                Some(_) | None => {}
            }
        }
        Ok(Err(if newest_first.is_empty() {
            LeftOut::NoAnswer
        } else {
            LeftOut::OtherBundle
        }))
    }

    async fn answer(&self, about: &AnsweredStudy, report: Report) -> anyhow::Result<Answer> {
        let mut identities = self
            .database
            .scan_identities(vec![about.scan_id])
            .await
            .context("failed to read whose study it is")?;
        let identity = identities.remove(&about.scan_id).unwrap_or_default().study;
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
        let score = score_of(&report);
        Ok(Answer {
            scan_id: about.scan_id,
            score,
            probability: report
                .probability_of_pathology
                .map(Probability::value)
                .filter(|_| score.is_some()),
            is_withheld: is_withheld(&report),
            patient,
            profile,
            groups: groups
                .into_iter()
                .filter_map(|(by, group)| Some((by, group?)))
                .collect(),
        })
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
        // A norm that was withheld because of its threshold alone: it is what a threshold is learnt from. What else is
        // undetermined has a probability that may rest on what is not to be trusted.
        Verdict::Undetermined => probability.filter(|_| is_withheld(report)),
    }
}

fn is_withheld(report: &Report) -> bool {
    let mut reasons = report.reasons.iter();
    report.verdict == Verdict::Undetermined
        && !report.reasons.is_empty()
        && reasons.all(|reason| reason.code == ReasonCode::ThresholdUnverified)
}
