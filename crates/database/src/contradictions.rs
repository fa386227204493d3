//! Words of readers that contradict what is answered now.
//!
//! A reader judges the study, on whichever analysis the word was given. Against the verdict of the latest analysis speaks
//! - disagreement with an answer that had the same verdict,
//! - agreement with an answer that had the opposite one,
//! - the label norm where it is pathology, and any other label where it is norm.

use std::collections::HashMap;

use diesel::prelude::*;
use norma_domain::{ScanId, Verdict};

use crate::connection::{AnyConnection, MultiBackend};
use crate::feedback::FeedbackRow;
use crate::schema::{analyses, feedback, reports, scans};
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, Feedback};

diesel::alias!(
    const JUDGED: Alias<Judged> = scans as judged_scans;
    const LATEST: Alias<Latest> = reports as latest_reports;
);

/// The words, joined with the analysis that each was given on; for a subquery or by itself.
macro_rules! contradictions {
    ($select:expr) => {{
        let latest = LATEST.field(reports::verdict);
        let (norm, pathology) = (Verdict::Norm.as_str(), Verdict::Pathology.as_str());
        let undetermined = Verdict::Undetermined.as_str();
        let label = feedback::label.assume_not_null();
        let is_labelled = feedback::label.is_not_null();
        let disagrees = feedback::agree.eq(false).and(reports::verdict.eq(latest));
        let agreed_with_the_opposite = feedback::agree
            .eq(true)
            .and(reports::verdict.ne(latest))
            .and(reports::verdict.ne(undetermined))
            .and(latest.ne(undetermined));
        let holds_it_for_norm = is_labelled.and(label.eq(norm)).and(latest.eq(pathology));
        let holds_it_for_pathology = is_labelled.and(label.ne(norm)).and(latest.eq(norm));
        feedback::table
            .inner_join(analyses::table.on(feedback::analysis_id.eq(analyses::id)))
            .inner_join(reports::table.on(reports::analysis_id.eq(analyses::id)))
            .inner_join(JUDGED.on(JUDGED.field(scans::id).eq(analyses::scan_id)))
            .inner_join(
                LATEST.on(LATEST
                    .field(reports::analysis_id)
                    .nullable()
                    .eq(JUDGED.field(scans::latest_analysis_id))),
            )
            .filter(feedback::withdrawn_at.is_null())
            .filter(
                disagrees
                    .or(agreed_with_the_opposite)
                    .or(holds_it_for_norm)
                    .or(holds_it_for_pathology),
            )
            .select($select)
    }};
}

/// The scans of a query against whose verdict a reader speaks.
pub(crate) fn only_contradicted(
    narrowed: scans::BoxedQuery<'static, MultiBackend>,
) -> scans::BoxedQuery<'static, MultiBackend> {
    narrowed.filter(scans::id.eq_any(contradictions!(analyses::scan_id)))
}

/// What speaks against the verdicts of these scans, the oldest word first.
pub(crate) fn of_scans(
    connection: &mut AnyConnection,
    ids: &[RowId],
) -> Result<HashMap<ScanId, Vec<Feedback>>, DatabaseError> {
    let words: Vec<(RowId, FeedbackRow)> = contradictions!((analyses::scan_id, FeedbackRow::as_select()))
        .filter(analyses::scan_id.eq_any(ids))
        .order((feedback::created_at, feedback::id))
        .load(connection)?;
    let mut of_scans: HashMap<ScanId, Vec<Feedback>> = HashMap::new();
    for (scan_id, word) in words {
        of_scans.entry(scan_id.into()).or_default().push(word.into());
    }
    Ok(of_scans)
}

impl Database {
    /// Every scan against whose verdict a reader speaks, the oldest first.
    pub async fn contradicted_scans(&self) -> Result<Vec<ScanId>, DatabaseError> {
        self.run(|connection| {
            let ids: Vec<RowId> = contradictions!(analyses::scan_id)
                .distinct()
                .order(analyses::scan_id)
                .load(connection)?;
            Ok(ids.into_iter().map(ScanId::from).collect())
        })
        .await
    }
}
