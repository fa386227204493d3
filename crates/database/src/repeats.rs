//! The one repeat of an analysis whose stages were read with different bundles.

use diesel::prelude::*;
use norma_domain::{AnalysisId, OperatingPointName, Priority, ScanId, ThresholdProposalId};

use crate::analyses::{Analysis, find_running, insert_analysis};
use crate::connection::AnyConnection;
use crate::scans::lock_scan;
use crate::schema::{analyses, scans};
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, NewAnalysis, Owner};

/// A completed analysis that is to be repeated when the workers agree on a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitedRepeat {
    pub analysis_id: AnalysisId,
    pub scan_id: ScanId,
    pub operating_point: OperatingPointName,
    /// It was asked for by this name.
    pub operating_point_named: bool,
    /// Whose thresholds it was held to.
    pub threshold_proposal_id: Option<ThresholdProposalId>,
    pub priority: Priority,
    pub requested_by: Option<Owner>,
}

/// Ids of the analysis and its scan, operating point, proposal, priority, who asked.
type AwaitedRow = (
    RowId,
    RowId,
    (String, bool),
    Option<RowId>,
    String,
    Option<String>,
);

impl Database {
    /// The analyses that await their repeat, the first to end first.
    pub async fn awaited_repeats(&self, limit: u32) -> Result<Vec<AwaitedRepeat>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<AwaitedRow> = analyses::table
                .filter(analyses::awaits_repeat)
                .order((analyses::finished_at, analyses::id))
                .limit(limit.into())
                .select((
                    analyses::id,
                    analyses::scan_id,
                    (analyses::operating_point, analyses::operating_point_named),
                    analyses::threshold_proposal_id,
                    analyses::priority,
                    analyses::requested_by,
                ))
                .load(connection)?;
            Ok(rows
                .into_iter()
                .map(
                    |(id, scan_id, (operating_point, named), proposal, priority, requested_by)| {
                        AwaitedRepeat {
                            analysis_id: id.into(),
                            scan_id: scan_id.into(),
                            operating_point: OperatingPointName(operating_point),
                            operating_point_named: named,
                            threshold_proposal_id: proposal.map(ThresholdProposalId::from),
                            priority: priority.parse().unwrap_or_default(),
                            requested_by: requested_by.as_deref().and_then(Owner::of_row),
                        }
                    },
                )
                .collect())
        })
        .await
    }

    /// Requests the repeat `new` of an analysis. None where it is no longer wanted: it was repeated
    /// before, or the scan was deleted, or somebody has asked for another analysis of it since. Either way the
    /// analysis awaits no repeat any more.
    pub async fn repeat_analysis(
        &self,
        repeated: AnalysisId,
        new: NewAnalysis,
    ) -> Result<Option<Analysis>, DatabaseError> {
        self.change(move |connection| {
            lock_scan(connection, new.scan_id.into())?;
            let awaiting = analyses::table
                .find(RowId::from(repeated))
                .filter(analyses::awaits_repeat);
            let is_awaited = diesel::update(awaiting)
                .set(analyses::awaits_repeat.eq(false))
                .execute(connection)?;
            if is_awaited == 0 {
                return Ok(None);
            }
            let latest: Option<RowId> = scans::table
                .find(RowId::from(new.scan_id))
                .select(scans::latest_analysis_id)
                .first(connection)?;
            if latest != Some(repeated.into()) || find_running(connection, new.scan_id)?.is_some() {
                return Ok(None);
            }
            insert_analysis(connection, new, Some(repeated)).map(Some)
        })
        .await
    }
}

/// An analysis that is a repeat itself is not repeated again.
pub(crate) fn await_repeat(connection: &mut AnyConnection, id: AnalysisId) -> Result<(), DatabaseError> {
    diesel::update(
        analyses::table
            .find(RowId::from(id))
            .filter(analyses::repeat_of.is_null()),
    )
    .set(analyses::awaits_repeat.eq(true))
    .execute(connection)?;
    Ok(())
}
