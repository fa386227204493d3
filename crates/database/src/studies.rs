//! The worklist: scans with what is known and said of them.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Double, Integer};
use norma_domain::{AnalysisStatus, PatientId, Verdict};

use crate::analyses::AnalysisRow;
use crate::connection::MultiBackend;
use crate::patients::PatientRow;
use crate::reports::AnswerRow;
use crate::scans::ScanRow;
use crate::schema::{analyses, patients, reports, scans};
use crate::search::patterns;
use crate::sql_types::RowId;
use crate::{Analysis, Answer, Database, DatabaseError, Listing, Page, Patient, Scan, time};

/// Which studies are wanted. What is None does not narrow the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StudyQuery {
    /// Every word is part of the patient's name; or the whole is the study's UID.
    pub search: Option<String>,
    pub patient_id: Option<PatientId>,
    /// Of the latest analysis.
    pub status: Option<AnalysisStatus>,
    pub verdict: Option<Verdict>,
    /// When the scan was uploaded.
    pub created_from: Option<DateTime<Utc>>,
    /// Exclusive.
    pub created_before: Option<DateTime<Utc>>,
    pub order: StudyOrder,
}

/// The order of the worklist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StudyOrder {
    /// Pathology by falling probability; then undetermined and failed, which a person has to look at; then
    /// what runs; then what was never analysed; norm last, by falling probability.
    #[default]
    MostSuspicious,
    Newest,
    Oldest,
}

/// A line of the worklist.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyRow {
    pub scan: Scan,
    pub patient: Option<Patient>,
    /// The latest.
    pub analysis: Option<Analysis>,
    /// Of the latest analysis, never of an earlier one.
    pub answer: Option<Answer>,
}

/// Group of [`StudyOrder::MostSuspicious`].
const SUSPICION_GROUP: &str = "CASE \
     WHEN reports.verdict = 'pathology' THEN 0 \
     WHEN reports.verdict = 'undetermined' THEN 1 \
     WHEN analyses.status = 'failed' THEN 1 \
     WHEN reports.verdict = 'norm' THEN 4 \
     WHEN analyses.status IS NOT NULL THEN 2 \
     ELSE 3 END";
const SUSPICION: &str = "COALESCE(reports.probability, -1.0)";

type ListedRow = (
    ScanRow,
    Option<PatientRow>,
    Option<AnalysisRow>,
    Option<AnswerRow>,
);

/// The tables of the worklist joined and narrowed, with `$select`: once for the lines, once for their number.
macro_rules! narrowed {
    ($query:expr, $select:expr) => {{
        let query: &StudyQuery = $query;
        let mut narrowed = scans::table
            .left_join(patients::table.on(scans::patient_id.eq(patients::id.nullable())))
            .left_join(analyses::table.on(scans::latest_analysis_id.eq(analyses::id.nullable())))
            .left_join(reports::table.on(scans::latest_analysis_id.eq(reports::analysis_id.nullable())))
            .select($select)
            .into_boxed::<MultiBackend>();
        let search = query.search.as_deref().map(str::trim).unwrap_or_default();
        if is_uid(search) {
            narrowed = narrowed.filter(scans::study_uid.eq(search.to_owned()));
        } else {
            for pattern in patterns(search) {
                narrowed = narrowed.filter(patients::search_name.like(pattern).escape('\\'));
            }
        }
        if let Some(patient_id) = query.patient_id {
            narrowed = narrowed.filter(scans::patient_id.eq(RowId::from(patient_id)));
        }
        if let Some(status) = query.status {
            narrowed = narrowed.filter(analyses::status.eq(status.as_str()));
        }
        if let Some(verdict) = query.verdict {
            narrowed = narrowed.filter(reports::verdict.eq(verdict.as_str()));
        }
        if let Some(from) = query.created_from {
            narrowed = narrowed.filter(scans::created_at.ge(time::to_row(from)));
        }
        if let Some(before) = query.created_before {
            narrowed = narrowed.filter(scans::created_at.lt(time::to_row(before)));
        }
        narrowed
    }};
}

impl Database {
    /// The worklist.
    pub async fn list_studies(
        &self,
        query: StudyQuery,
        page: Page,
    ) -> Result<Listing<StudyRow>, DatabaseError> {
        self.run(move |connection| {
            let total: i64 = narrowed!(&query, diesel::dsl::count_star()).get_result(connection)?;
            let lines = narrowed!(
                &query,
                (
                    ScanRow::as_select(),
                    Option::<PatientRow>::as_select(),
                    Option::<AnalysisRow>::as_select(),
                    Option::<AnswerRow>::as_select(),
                )
            );
            let ordered = match query.order {
                StudyOrder::MostSuspicious => lines
                    .order(sql::<Integer>(SUSPICION_GROUP))
                    .then_order_by(sql::<Double>(SUSPICION).desc())
                    .then_order_by(scans::id.desc()),
                StudyOrder::Newest => lines.order(scans::id.desc()),
                StudyOrder::Oldest => lines.order(scans::id),
            };
            let rows: Vec<ListedRow> = ordered
                .limit(page.limit.into())
                .offset(page.offset.into())
                .load(connection)?;
            let items = rows
                .into_iter()
                .map(|(scan, patient, analysis, answer)| {
                    Ok(StudyRow {
                        scan: scan.try_into()?,
                        patient: patient.map(Patient::from),
                        analysis: analysis.map(Analysis::try_from).transpose()?,
                        answer: answer.map(Answer::try_from).transpose()?,
                    })
                })
                .collect::<Result<_, DatabaseError>>()?;
            Ok(Listing::new(items, total))
        })
        .await
    }
}

fn is_uid(search: &str) -> bool {
    norma_domain::StudyInstanceUid::new(search).is_ok() && search.contains('.')
}
