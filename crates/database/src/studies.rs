//! The worklist: scans with what is known and said of them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use norma_domain::{AnalysisId, AnalysisStatus, PatientId, Verdict};

use crate::analyses::AnalysisRow;
use crate::connection::{AnyConnection, MultiBackend};
use crate::patients::PatientRow;
use crate::reports::AnswerRow;
use crate::scans::ScanRow;
use crate::schema::{analyses, patients, reports, scans, stage_starts, study_identities};
use crate::search::patterns;
use crate::sql_types::RowId;
use crate::study_identities::ScanIdentity;
use crate::suspicion::SuspicionGroup;
use crate::unfinished::is_unfinished;
use crate::{
    Analysis, Answer, Database, DatabaseError, Feedback, Listing, Page, Patient, Scan, contradictions, time,
};

/// Which studies are wanted. What is None does not narrow the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StudyQuery {
    /// Every word is part of the patient's name or Patient ID, as registered or as the files say, or of the Accession
    /// Number; or the whole is the study's UID.
    pub search: Option<String>,
    pub patient_id: Option<PatientId>,
    /// Patient ID of the files, as a whole.
    pub dicom_patient_id: Option<String>,
    /// Accession Number of the files, as a whole.
    pub accession_number: Option<String>,
    /// Of the latest analysis.
    pub status: Option<AnalysisStatus>,
    pub verdict: Option<Verdict>,
    pub tray: Option<StudyTray>,
    /// When the scan was uploaded.
    pub created_from: Option<DateTime<Utc>>,
    /// Exclusive.
    pub created_before: Option<DateTime<Utc>>,
    pub order: StudyOrder,
}

/// The order of the worklist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StudyOrder {
    /// Pathology, and what is undetermined at a probability at or above the threshold, by falling probability; then the
    /// other undetermined, then failed, which a person has to look at; then what runs; then what was never analysed; then
    /// norm, by falling probability; last what holds no chest.
    #[default]
    MostSuspicious,
    Newest,
    Oldest,
}

/// What is read, what holds no chest, and what readers contradict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StudyTray {
    /// All but what holds no chest.
    Reading,
    /// Failed, because no chest CT, no chest series or no lungs were found.
    NoChest,
    /// A reader's word speaks against the verdict.
    Contradicted,
}

/// A line of the worklist.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyRow {
    pub scan: Scan,
    /// Whose study its files say it is; None where they say nothing.
    pub identity: Option<ScanIdentity>,
    pub patient: Option<Patient>,
    /// The latest.
    pub analysis: Option<Analysis>,
    /// Since when the latest analysis waits for a worker; None while one is at work on it, and once it has ended.
    pub waiting_since: Option<DateTime<Utc>>,
    /// Of the latest analysis, never of an earlier one.
    pub answer: Option<Answer>,
    /// What readers said against the answer, the oldest first.
    pub contradictions: Vec<Feedback>,
}

type ListedRow = (
    ScanRow,
    Option<PatientRow>,
    Option<AnalysisRow>,
    Option<AnswerRow>,
);

impl Database {
    /// The worklist.
    pub async fn list_studies(
        &self,
        query: StudyQuery,
        page: Page,
    ) -> Result<Listing<StudyRow>, DatabaseError> {
        self.run(move |connection| {
            let total: i64 = narrowed(&query).count().get_result(connection)?;
            let wanted = narrowed(&query).select(scans::id);
            let ordered = match query.order {
                StudyOrder::MostSuspicious => wanted
                    .order(scans::suspicion_group)
                    .then_order_by(scans::suspicion.desc())
                    .then_order_by(scans::id.desc()),
                StudyOrder::Newest => wanted.order(scans::id.desc()),
                StudyOrder::Oldest => wanted.order(scans::id),
            };
            // First which ones, by the index; then all of them: the tables are joined for one page only.
            let ids: Vec<RowId> = ordered
                .limit(page.limit.into())
                .offset(page.offset.into())
                .load(connection)?;
            let mut rows: Vec<(RowId, ListedRow)> = scans::table
                .left_join(patients::table.on(scans::patient_id.eq(patients::id.nullable())))
                .left_join(analyses::table.on(scans::latest_analysis_id.eq(analyses::id.nullable())))
                .left_join(reports::table.on(scans::latest_analysis_id.eq(reports::analysis_id.nullable())))
                .filter(scans::id.eq_any(&ids))
                .select((
                    scans::id,
                    (
                        ScanRow::as_select(),
                        Option::<PatientRow>::as_select(),
                        Option::<AnalysisRow>::as_select(),
                        Option::<AnswerRow>::as_select(),
                    ),
                ))
                .load(connection)?;
            rows.sort_by_key(|(id, _)| ids.iter().position(|wanted| wanted == id));
            let at_work = at_work(connection, &ids)?;
            let mut identities = crate::study_identities::load(connection, &ids)?;
            let mut contradictions = contradictions::of_scans(connection, &ids)?;
            let items = rows
                .into_iter()
                .map(|(id, (scan, patient, analysis, answer))| {
                    let analysis = analysis.map(Analysis::try_from).transpose()?;
                    Ok(StudyRow {
                        scan: scan.try_into()?,
                        identity: identities.remove(&id.into()),
                        patient: patient.map(Patient::from),
                        waiting_since: analysis
                            .as_ref()
                            .filter(|analysis| !analysis.status.is_final() && !at_work.contains(&analysis.id))
                            .map(|analysis| analysis.updated_at),
                        analysis,
                        answer: answer.map(Answer::try_from).transpose()?,
                        contradictions: contradictions.remove(&id.into()).unwrap_or_default(),
                    })
                })
                .collect::<Result<_, DatabaseError>>()?;
            Ok(Listing::new(items, total))
        })
        .await
    }
}

/// Those of the scans' latest analyses that a worker is at work on.
fn at_work(connection: &mut AnyConnection, ids: &[RowId]) -> Result<HashSet<AnalysisId>, DatabaseError> {
    let latest = scans::table
        .filter(scans::id.eq_any(ids))
        .filter(scans::latest_analysis_id.is_not_null())
        .select(scans::latest_analysis_id.assume_not_null());
    let at_work: Vec<RowId> = stage_starts::table
        .filter(stage_starts::analysis_id.eq_any(latest))
        .select(stage_starts::analysis_id)
        .load(connection)?;
    Ok(at_work.into_iter().map(AnalysisId::from).collect())
}

/// The scans of a query. Other tables come in as subqueries, so that nothing is joined for counting.
fn narrowed(query: &StudyQuery) -> scans::BoxedQuery<'static, MultiBackend> {
    let mut narrowed = scans::table.into_boxed();
    let search = query.search.as_deref().map(str::trim).unwrap_or_default();
    if is_uid(search) {
        narrowed = narrowed.filter(scans::study_uid.eq(search.to_owned()));
    } else {
        for pattern in patterns(search) {
            let named = patients::table
                .filter(patients::search_name.like(pattern.clone()).escape('\\'))
                .select(patients::id.nullable());
            let said = study_identities::table
                .filter(study_identities::search_text.like(pattern).escape('\\'))
                .select(study_identities::scan_id);
            // NULL is neither in nor out of a set: a scan without a patient would fall out of both.
            let is_named = scans::patient_id
                .is_not_null()
                .and(scans::patient_id.eq_any(named));
            narrowed = narrowed.filter(scans::id.eq_any(said).or(is_named.assume_not_null()));
        }
    }
    if let Some(patient_id) = query.patient_id {
        narrowed = narrowed.filter(scans::patient_id.eq(RowId::from(patient_id)));
    }
    if let Some(dicom_patient_id) = query.dicom_patient_id.clone() {
        let said = study_identities::table
            .filter(study_identities::patient_id.eq(dicom_patient_id))
            .select(study_identities::scan_id);
        narrowed = narrowed.filter(scans::id.eq_any(said));
    }
    if let Some(accession_number) = query.accession_number.clone() {
        let said = study_identities::table
            .filter(study_identities::accession_number.eq(accession_number))
            .select(study_identities::scan_id);
        narrowed = narrowed.filter(scans::id.eq_any(said));
    }
    if let Some(status) = query.status {
        narrowed = in_status(narrowed, status);
    }
    if let Some(verdict) = query.verdict {
        narrowed = with_verdict(narrowed, verdict);
    }
    match query.tray {
        Some(StudyTray::Reading) => {
            narrowed = narrowed.filter(scans::suspicion_group.lt(SuspicionGroup::NoChest.number()));
        }
        Some(StudyTray::NoChest) => {
            narrowed = narrowed.filter(scans::suspicion_group.eq(SuspicionGroup::NoChest.number()));
        }
        Some(StudyTray::Contradicted) => narrowed = contradictions::only_contradicted(narrowed),
        None => {}
    }
    if let Some(from) = query.created_from {
        narrowed = narrowed.filter(scans::created_at.ge(time::to_row(from)));
    }
    if let Some(before) = query.created_before {
        narrowed = narrowed.filter(scans::created_at.lt(time::to_row(before)));
    }
    narrowed
}

/// The scans whose latest analysis says so. The most suspicious group has two verdicts; the report tells which.
fn with_verdict(
    narrowed: scans::BoxedQuery<'static, MultiBackend>,
    verdict: Verdict,
) -> scans::BoxedQuery<'static, MultiBackend> {
    let group = scans::suspicion_group;
    let says = exists(
        reports::table
            .filter(reports::analysis_id.nullable().eq(scans::latest_analysis_id))
            .filter(reports::verdict.eq(verdict.as_str())),
    );
    match verdict {
        Verdict::Pathology => narrowed
            .filter(group.eq(SuspicionGroup::Suspicious.number()))
            .filter(says),
        Verdict::Undetermined => narrowed
            .filter(group.le(SuspicionGroup::Undetermined.number()))
            .filter(says),
        Verdict::Norm => narrowed.filter(group.eq(SuspicionGroup::Norm.number())),
    }
}

/// The scans whose latest analysis has that status. Ended ones are told by the scan's own place in the worklist; only
/// those that run, which are few, are looked up.
fn in_status(
    narrowed: scans::BoxedQuery<'static, MultiBackend>,
    status: AnalysisStatus,
) -> scans::BoxedQuery<'static, MultiBackend> {
    let group = scans::suspicion_group;
    match status {
        // What has a verdict has groups of its own. Not as a list of values: that would not follow the index's order.
        AnalysisStatus::Completed => narrowed
            .filter(group.ne(SuspicionGroup::Failed.number()))
            .filter(group.ne(SuspicionGroup::Running.number()))
            .filter(group.ne(SuspicionGroup::NOT_ANALYSED))
            .filter(group.lt(SuspicionGroup::NoChest.number())),
        AnalysisStatus::Failed => narrowed.filter(
            group
                .eq(SuspicionGroup::Failed.number())
                .or(group.eq(SuspicionGroup::NoChest.number())),
        ),
        AnalysisStatus::Queued | AnalysisStatus::Preparing | AnalysisStatus::Analyzing => {
            let running = analyses::table
                .filter(is_unfinished())
                .filter(analyses::status.eq(status.as_str()))
                .select(analyses::id.nullable());
            narrowed
                .filter(group.eq(SuspicionGroup::Running.number()))
                .filter(scans::latest_analysis_id.eq_any(running))
        }
    }
}

fn is_uid(search: &str) -> bool {
    norma_domain::StudyInstanceUid::new(search).is_ok_and(|uid| uid.is_valid()) && search.contains('.')
}
