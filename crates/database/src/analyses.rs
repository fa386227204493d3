//! Analyses: requested, read, listed. `progress` moves them on.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use norma_domain::{
    AnalysisId, AnalysisStatus, OperatingPointName, Priority, Reason, ReasonCode, ScanId, Stage,
    ThresholdProposalId,
};

use crate::connection::AnyConnection;
use crate::scans::lock_scan;
use crate::schema::{analyses, scans, stage_results};
use crate::sql_types::RowId;
use crate::suspicion::{SuspicionGroup, place_scan};
use crate::thresholds_held::{HeldTo, hold_to};
use crate::unfinished::is_unfinished;
use crate::waiting_analyses::{NewWaiting, hold_back, may_be_urgent, raise};
use crate::{Database, DatabaseError, OutboxMessage, Owner, time};

/// One run of the models over a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    pub id: AnalysisId,
    pub scan_id: ScanId,
    pub status: AnalysisStatus,
    pub operating_point: OperatingPointName,
    /// It was asked for by this name; otherwise for the default.
    pub operating_point_named: bool,
    /// The bundle that was asked for.
    pub bundle_version: String,
    /// The accepted proposal whose thresholds it is held to, whatever is accepted or taken back meanwhile, unless it is asked for again
    /// then; None: the bundle's own.
    pub threshold_proposal_id: Option<ThresholdProposalId>,
    /// How often preparation was begun.
    pub attempt: u32,
    pub requested_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    /// Some exactly if the status is final.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it is failed if it has not ended, the waiting for workers included.
    pub deadline_at: DateTime<Utc>,
    /// Some exactly if the status is `failed`.
    pub failure: Option<Reason>,
    /// The quality checks that did not pass; empty before preparation.
    pub quality_flags: Vec<ReasonCode>,
    /// When anything about it changed last, a stage's outcome included.
    pub updated_at: DateTime<Utc>,
    /// The analysis that this one repeats, because its stages were read with different bundles.
    pub repeat_of: Option<AnalysisId>,
    pub priority: Priority,
    /// When its turn came and it was announced to the workers; None while it waits for that.
    pub released_at: Option<DateTime<Utc>>,
}

/// An analysis to be requested. The id is made by the caller, because the message holds it.
#[derive(Debug, Clone)]
pub struct NewAnalysis {
    pub id: AnalysisId,
    pub scan_id: ScanId,
    pub operating_point: OperatingPointName,
    /// It is asked for by this name; otherwise for the default.
    pub operating_point_named: bool,
    pub bundle_version: String,
    pub threshold_proposal_id: Option<ThresholdProposalId>,
    pub deadline_at: DateTime<Utc>,
    pub priority: Priority,
    /// With whose other requests it takes turns; None: nobody who is told apart.
    pub requested_by: Option<Owner>,
    /// How many urgent ones of this requester may be unfinished, None where that is not asked; of a routine one it says nothing.
    pub most_urgent: Option<u32>,
    /// Announces the request, when its turn has come.
    pub message: OutboxMessage,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedAnalysis {
    pub analysis: Analysis,
    /// False where an analysis of the scan ran already and this is it; nothing was written then.
    pub created: bool,
}

/// An analysis and the stages whose outcome is recorded (preprocess included).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalysisProgress {
    pub analysis: Analysis,
    pub stages: Vec<Stage>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = analyses, treat_none_as_default_value = false)]
pub(crate) struct AnalysisRow {
    id: RowId,
    scan_id: RowId,
    status: String,
    operating_point: String,
    bundle_version: String,
    attempt: i32,
    requested_at: NaiveDateTime,
    started_at: Option<NaiveDateTime>,
    finished_at: Option<NaiveDateTime>,
    deadline_at: NaiveDateTime,
    failure_code: Option<String>,
    failure_message: Option<String>,
    quality_flags: String,
    updated_at: NaiveDateTime,
    repeat_of: Option<RowId>,
    awaits_repeat: bool,
    priority: String,
    requested_by: Option<String>,
    released_at: Option<NaiveDateTime>,
    threshold_proposal_id: Option<RowId>,
    operating_point_named: bool,
}

impl TryFrom<AnalysisRow> for Analysis {
    type Error = DatabaseError;

    fn try_from(row: AnalysisRow) -> Result<Self, DatabaseError> {
        let corrupt = |column| DatabaseError::CorruptRow {
            table: "analyses",
            column,
        };
        // What a newer version wrote is read as the nearest that this one knows: one row breaks no page of them.
        let failure = row.failure_code.map(|code| {
            let code = code.parse().unwrap_or(ReasonCode::Internal);
            Reason::new(code, row.failure_message.unwrap_or_default())
        });
        let status = row.status.parse().unwrap_or(match (&failure, row.finished_at) {
            (Some(_), _) => AnalysisStatus::Failed,
            (None, Some(_)) => AnalysisStatus::Completed,
            (None, None) => AnalysisStatus::Analyzing,
        });
        Ok(Self {
            id: row.id.into(),
            scan_id: row.scan_id.into(),
            status,
            operating_point: OperatingPointName(row.operating_point),
            operating_point_named: row.operating_point_named,
            bundle_version: row.bundle_version,
            threshold_proposal_id: row.threshold_proposal_id.map(ThresholdProposalId::from),
            attempt: u32::try_from(row.attempt).map_err(|_| corrupt("attempt"))?,
            requested_at: time::from_row(row.requested_at),
            started_at: row.started_at.map(time::from_row),
            finished_at: row.finished_at.map(time::from_row),
            deadline_at: time::from_row(row.deadline_at),
            failure,
            quality_flags: row
                .quality_flags
                .split_whitespace()
                .filter_map(|code| code.parse().ok())
                .collect(),
            updated_at: time::from_row(row.updated_at),
            repeat_of: row.repeat_of.map(AnalysisId::from),
            priority: row.priority.parse().unwrap_or_default(),
            released_at: row.released_at.map(time::from_row),
        })
    }
}

impl Database {
    /// Requests an analysis of a scan, or returns the one that runs, raised to urgent where it waits and that is asked for, and held to
    /// the thresholds of this request where others were accepted since it was requested.
    /// It is announced when its turn has come: [`Database::release_analyses`].
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] where there is no such scan; [`DatabaseError::TooManyUrgent`].
    pub async fn request_analysis(&self, new: NewAnalysis) -> Result<RequestedAnalysis, DatabaseError> {
        self.change(move |connection| {
            // Requests of one scan come one after the other.
            lock_scan(connection, new.scan_id.into())?;
            if let Some(mut analysis) = find_running(connection, new.scan_id)? {
                hold_to_newer(connection, &mut analysis, &new)?;
                // One with another threshold is none that was asked for.
                let is_asked_for = analysis.operating_point == new.operating_point
                    && analysis.threshold_proposal_id == new.threshold_proposal_id;
                let can_be_raised = analysis.priority != Priority::Urgent && analysis.released_at.is_none();
                if new.priority == Priority::Urgent && is_asked_for && can_be_raised {
                    may_be_urgent(connection, new.requested_by.clone(), new.most_urgent)?;
                    if raise(connection, analysis.id, new.requested_by)? {
                        analysis.priority = Priority::Urgent;
                    }
                }
                return Ok(RequestedAnalysis {
                    analysis,
                    created: false,
                });
            }
            Ok(RequestedAnalysis {
                analysis: insert_analysis(connection, new, None)?,
                created: true,
            })
        })
        .await
    }

    pub async fn analysis(&self, id: AnalysisId) -> Result<Option<Analysis>, DatabaseError> {
        self.run(move |connection| find(connection, id)).await
    }

    /// The analysis of a scan that was requested last.
    pub async fn latest_analysis(&self, scan_id: ScanId) -> Result<Option<Analysis>, DatabaseError> {
        self.run(move |connection| {
            analyses::table
                .inner_join(scans::table.on(scans::latest_analysis_id.eq(analyses::id.nullable())))
                .filter(scans::id.eq(RowId::from(scan_id)))
                .select(AnalysisRow::as_select())
                .first(connection)
                .optional()?
                .map(Analysis::try_from)
                .transpose()
        })
        .await
    }

    /// Every analysis of a scan, the latest first.
    pub async fn analyses_of_scan(&self, scan_id: ScanId) -> Result<Vec<Analysis>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<AnalysisRow> = analyses::table
                .filter(analyses::scan_id.eq(RowId::from(scan_id)))
                .order((analyses::requested_at.desc(), analyses::id.desc()))
                .select(AnalysisRow::as_select())
                .load(connection)?;
            rows.into_iter().map(Analysis::try_from).collect()
        })
        .await
    }

    /// Every analysis that has not ended, the oldest request first: for the refill of the in-process queue at
    /// start. `stages` says how far each had come.
    pub async fn unfinished_analyses(&self) -> Result<Vec<AnalysisProgress>, DatabaseError> {
        self.run(|connection| {
            let rows = analyses::table
                .filter(is_unfinished())
                .order((analyses::requested_at, analyses::id))
                .select(AnalysisRow::as_select())
                .load(connection)?;
            with_stages(connection, rows)
        })
        .await
    }

    /// Every analysis that has not ended although its deadline has passed.
    pub async fn overdue_analyses(&self, now: DateTime<Utc>) -> Result<Vec<AnalysisId>, DatabaseError> {
        self.run(move |connection| {
            let ids: Vec<RowId> = analyses::table
                .filter(is_unfinished())
                .filter(analyses::deadline_at.lt(time::to_row(now)))
                .order((analyses::deadline_at, analyses::id))
                .select(analyses::id)
                .load(connection)?;
            Ok(ids.into_iter().map(AnalysisId::from).collect())
        })
        .await
    }

    /// How many analyses there are of each status that has any.
    pub async fn count_analyses(&self) -> Result<HashMap<AnalysisStatus, u64>, DatabaseError> {
        self.run(|connection| {
            let counts: Vec<(String, i64)> = analyses::table
                .group_by(analyses::status)
                .select((analyses::status, diesel::dsl::count_star()))
                .load(connection)?;
            Ok(counts
                .into_iter()
                .filter_map(|(status, count)| {
                    Some((status.parse().ok()?, u64::try_from(count).unwrap_or_default()))
                })
                .collect())
        })
        .await
    }
}

/// Writes a requested analysis, makes it the latest of its scan and lets it wait for its turn. The scan is locked and none
/// runs.
pub(crate) fn insert_analysis(
    connection: &mut AnyConnection,
    new: NewAnalysis,
    repeat_of: Option<AnalysisId>,
) -> Result<Analysis, DatabaseError> {
    if new.priority == Priority::Urgent {
        may_be_urgent(connection, new.requested_by.clone(), new.most_urgent)?;
    }
    let now = time::to_row(time::now());
    let row = AnalysisRow {
        id: new.id.into(),
        scan_id: new.scan_id.into(),
        status: AnalysisStatus::Queued.as_str().to_owned(),
        operating_point: new.operating_point.0,
        bundle_version: new.bundle_version,
        attempt: 0,
        requested_at: now,
        started_at: None,
        finished_at: None,
        deadline_at: time::to_row(new.deadline_at),
        failure_code: None,
        failure_message: None,
        quality_flags: String::new(),
        updated_at: now,
        repeat_of: repeat_of.map(RowId::from),
        awaits_repeat: false,
        priority: new.priority.as_str().to_owned(),
        requested_by: new.requested_by.map(String::from),
        released_at: None,
        threshold_proposal_id: new.threshold_proposal_id.map(RowId::from),
        operating_point_named: new.operating_point_named,
    };
    diesel::insert_into(analyses::table)
        .values(&row)
        .execute(connection)
        .map_err(|error| match DatabaseError::from(error) {
            DatabaseError::ForeignKeyViolation { .. } => DatabaseError::NotFound("scan"),
            other => other,
        })?;
    diesel::update(scans::table.find(RowId::from(new.scan_id)))
        .set(scans::latest_analysis_id.eq(Some(RowId::from(new.id))))
        .execute(connection)?;
    place_scan(
        connection,
        new.scan_id.into(),
        new.id,
        SuspicionGroup::Running,
        None,
    )?;
    hold_back(
        connection,
        NewWaiting {
            analysis_id: row.id,
            scan_id: row.scan_id,
            priority: new.priority,
            requested_by: row.requested_by.clone(),
            requested_at: now,
            message: new.message,
        },
    )?;
    row.try_into()
}

impl From<&Analysis> for HeldTo {
    fn from(analysis: &Analysis) -> Self {
        Self {
            operating_point: analysis.operating_point.clone(),
            threshold_proposal_id: analysis.threshold_proposal_id,
        }
    }
}

/// Holds an analysis that runs to the thresholds of a new request for it, where other ones were accepted or taken back meanwhile and
/// the same is asked: the same operating point, or both times the default, which may have another name by now. The scan is locked.
fn hold_to_newer(
    connection: &mut AnyConnection,
    running: &mut Analysis,
    new: &NewAnalysis,
) -> Result<(), DatabaseError> {
    let has_other_thresholds = running.threshold_proposal_id != new.threshold_proposal_id;
    let asks_the_same = running.operating_point == new.operating_point
        || !(running.operating_point_named || new.operating_point_named);
    if !has_other_thresholds || !asks_the_same {
        return Ok(());
    }
    running.operating_point = new.operating_point.clone();
    running.bundle_version.clone_from(&new.bundle_version);
    running.threshold_proposal_id = new.threshold_proposal_id;
    running.updated_at = time::now();
    let (held_to, now) = (HeldTo::from(&*running), time::to_row(running.updated_at));
    hold_to(
        connection,
        running.id.into(),
        &held_to,
        &running.bundle_version,
        now,
    )
}

pub(crate) fn find(
    connection: &mut AnyConnection,
    id: AnalysisId,
) -> Result<Option<Analysis>, DatabaseError> {
    analyses::table
        .find(RowId::from(id))
        .select(AnalysisRow::as_select())
        .first(connection)
        .optional()?
        .map(Analysis::try_from)
        .transpose()
}

pub(crate) fn find_running(
    connection: &mut AnyConnection,
    scan_id: ScanId,
) -> Result<Option<Analysis>, DatabaseError> {
    analyses::table
        .filter(analyses::scan_id.eq(RowId::from(scan_id)))
        .filter(is_unfinished())
        .select(AnalysisRow::as_select())
        .first(connection)
        .optional()?
        .map(Analysis::try_from)
        .transpose()
}

pub(crate) fn with_stages(
    connection: &mut AnyConnection,
    rows: Vec<AnalysisRow>,
) -> Result<Vec<AnalysisProgress>, DatabaseError> {
    let mut stages: HashMap<RowId, Vec<Stage>> = HashMap::new();
    // Both databases limit the number of values in one query.
    for part in rows.chunks(1000) {
        let ended: Vec<(RowId, String)> = stage_results::table
            .filter(stage_results::analysis_id.eq_any(part.iter().map(|row| row.id)))
            .order((stage_results::created_at, stage_results::stage))
            .select((stage_results::analysis_id, stage_results::stage))
            .load(connection)?;
        for (id, stage) in ended {
            // A stage that only a newer version has is none of this one's.
            if let Ok(stage) = stage.parse() {
                stages.entry(id).or_default().push(stage);
            }
        }
    }
    rows.into_iter()
        .map(|row| {
            Ok(AnalysisProgress {
                stages: stages.remove(&row.id).unwrap_or_default(),
                analysis: row.try_into()?,
            })
        })
        .collect()
}
