//! What readers said of answers, with the studies that it is about: the labelled set of a site.

use std::collections::HashMap;

use diesel::prelude::*;
use norma_domain::{AnalysisId, PatientId, ScanId, StudyInstanceUid, Verdict};

use crate::connection::MultiBackend;
use crate::reports::known_verdict;
use crate::schema::{analyses, feedback, reports, scans};
use crate::sql_types::RowId;
use crate::{Database, DatabaseError};

/// SQLite takes no more values in one statement than 32,766.
const IDS_AT_ONCE: usize = 1000;

/// A completed analysis and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnsweredStudy {
    pub analysis_id: AnalysisId,
    pub scan_id: ScanId,
    pub patient_id: Option<PatientId>,
}

/// A reader's word on an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub about: AnsweredStudy,
    /// Of the answer.
    pub verdict: Verdict,
    pub agree: bool,
    /// The label that the reader holds to be right.
    pub label: Option<String>,
}

pub(crate) type StudyRow = (RowId, RowId, Option<RowId>);

impl From<StudyRow> for AnsweredStudy {
    fn from((analysis_id, scan_id, patient_id): StudyRow) -> Self {
        Self {
            analysis_id: analysis_id.into(),
            scan_id: scan_id.into(),
            patient_id: patient_id.map(PatientId::from),
        }
    }
}

impl Database {
    /// Every word on a completed analysis that was not taken back, the oldest first.
    pub async fn judgements(&self) -> Result<Vec<Judgement>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<(StudyRow, String, bool, Option<String>)> = feedback::table
                .inner_join(analyses::table.on(feedback::analysis_id.eq(analyses::id)))
                .inner_join(scans::table.on(analyses::scan_id.eq(scans::id)))
                .inner_join(reports::table.on(reports::analysis_id.eq(analyses::id)))
                .filter(feedback::withdrawn_at.is_null())
                .order((feedback::created_at, feedback::id))
                .select((
                    (analyses::id, scans::id, scans::patient_id),
                    reports::verdict,
                    feedback::agree,
                    feedback::label,
                ))
                .load(connection)?;
            Ok(rows
                .into_iter()
                .map(|(about, verdict, agree, label)| Judgement {
                    about: about.into(),
                    verdict: known_verdict(&verdict),
                    agree,
                    label,
                })
                .collect())
        })
        .await
    }

    /// The newest completed analyses, at most so many, the newest first.
    pub async fn newest_answers(&self, limit: u32) -> Result<Vec<AnsweredStudy>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<StudyRow> = analyses::table
                .inner_join(scans::table.on(analyses::scan_id.eq(scans::id)))
                .inner_join(reports::table.on(reports::analysis_id.eq(analyses::id)))
                .order(analyses::id.desc())
                .select((analyses::id, scans::id, scans::patient_id))
                .limit(i64::from(limit))
                .load(connection)?;
            Ok(rows.into_iter().map(AnsweredStudy::from).collect())
        })
        .await
    }

    /// The completed analyses of a scan, the newest first.
    pub async fn answers_of_scan(&self, id: ScanId) -> Result<Vec<AnsweredStudy>, DatabaseError> {
        self.answers(Wanted::Scan(id)).await
    }

    /// The completed analyses of each of these scans, the newest first.
    pub async fn answers_of_scans(
        &self,
        ids: Vec<ScanId>,
    ) -> Result<HashMap<ScanId, Vec<AnsweredStudy>>, DatabaseError> {
        self.run(move |connection| {
            let mut answers: HashMap<ScanId, Vec<AnsweredStudy>> = HashMap::new();
            for part in ids.chunks(IDS_AT_ONCE) {
                let part = part.iter().copied().map(RowId::from);
                let rows: Vec<StudyRow> = analyses::table
                    .inner_join(scans::table.on(analyses::scan_id.eq(scans::id)))
                    .inner_join(reports::table.on(reports::analysis_id.eq(analyses::id)))
                    .filter(scans::id.eq_any(part.collect::<Vec<_>>()))
                    .order(analyses::id.desc())
                    .select((analyses::id, scans::id, scans::patient_id))
                    .load(connection)?;
                for answer in rows.into_iter().map(AnsweredStudy::from) {
                    answers.entry(answer.scan_id).or_default().push(answer);
                }
            }
            Ok(answers)
        })
        .await
    }

    /// The completed analyses of all scans of a study, the newest first.
    pub async fn answers_of_study(&self, uid: StudyInstanceUid) -> Result<Vec<AnsweredStudy>, DatabaseError> {
        self.answers(Wanted::Study(uid)).await
    }

    async fn answers(&self, wanted: Wanted) -> Result<Vec<AnsweredStudy>, DatabaseError> {
        self.run(move |connection| {
            let answers = analyses::table
                .inner_join(scans::table.on(analyses::scan_id.eq(scans::id)))
                .inner_join(reports::table.on(reports::analysis_id.eq(analyses::id)))
                .order(analyses::id.desc())
                .select((analyses::id, scans::id, scans::patient_id))
                .into_boxed::<MultiBackend>();
            let rows: Vec<StudyRow> = match wanted {
                Wanted::Scan(id) => answers.filter(scans::id.eq(RowId::from(id))).load(connection)?,
                Wanted::Study(uid) => answers
                    .filter(scans::study_uid.eq(uid.to_string()))
                    .load(connection)?,
            };
            Ok(rows.into_iter().map(AnsweredStudy::from).collect())
        })
        .await
    }
}

enum Wanted {
    Scan(ScanId),
    Study(StudyInstanceUid),
}
