//! The order of the worklist: which scan a person should look at first.

use diesel::prelude::*;
use norma_domain::{AnalysisId, Probability, ReasonCode, Report, Verdict};

use crate::DatabaseError;
use crate::connection::AnyConnection;
use crate::schema::scans;
use crate::sql_types::RowId;

/// What is known of a scan by its latest analysis, the most suspicious first. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SuspicionGroup {
    /// Pathology, and what is undetermined although its probability reaches the threshold: both by their probability.
    Suspicious = 0,
    Undetermined = 1,
    Failed = 2,
    Running = 3,
    // 4 is the column's default: not analysed.
    Norm = 5,
    /// Failed, because it holds no chest: it must not bury what does.
    NoChest = 6,
}

impl SuspicionGroup {
    /// The group of a scan that was never analysed: the column's default.
    pub(crate) const NOT_ANALYSED: i32 = 4;

    /// Whether an answer is still to come.
    pub(crate) fn is_pending(group: i32) -> bool {
        group == Self::Running.number() || group == Self::NOT_ANALYSED
    }

    /// Whether the latest analysis failed, whatever the reason.
    pub(crate) fn is_failed(group: i32) -> bool {
        group == Self::Failed.number() || group == Self::NoChest.number()
    }

    pub(crate) const fn number(self) -> i32 {
        self as i32
    }
}

impl SuspicionGroup {
    pub(crate) fn of_report(report: &Report) -> Self {
        let reaches = report
            .probability_of_pathology
            .is_some_and(|probability| probability.value() >= report.operating_point.threshold.value());
        match report.verdict {
            Verdict::Pathology => Self::Suspicious,
            Verdict::Undetermined if reaches => Self::Suspicious,
            Verdict::Undetermined => Self::Undetermined,
            Verdict::Norm => Self::Norm,
        }
    }

    /// Of an analysis that failed for this reason.
    pub(crate) fn of_failure(code: ReasonCode) -> Self {
        match code {
            ReasonCode::NotCt | ReasonCode::NoChestSeries | ReasonCode::NoLungs => Self::NoChest,
            _ => Self::Failed,
        }
    }
}

/// Puts a scan in its place, if the analysis is its latest. The caller holds the scan's lock.
pub(crate) fn place_scan(
    connection: &mut AnyConnection,
    scan_id: RowId,
    analysis_id: AnalysisId,
    group: SuspicionGroup,
    probability: Option<Probability>,
) -> Result<(), DatabaseError> {
    let scan = scans::table
        .find(scan_id)
        .filter(scans::latest_analysis_id.eq(RowId::from(analysis_id)));
    diesel::update(scan)
        .set((
            scans::suspicion_group.eq(group.number()),
            scans::suspicion.eq(probability.map_or(-1.0, Probability::value)),
        ))
        .execute(connection)?;
    Ok(())
}
