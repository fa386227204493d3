//! Norma performs the work items that are its own: claims one when its study is here, follows the analysis, tells what was made.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use norma_database::{Analysis, AuditOutcome, NewAuditEvent, Workitem, WorkitemChange, WorkitemState};
use norma_dicom_instances::Attributes;
use norma_dicom_results::Language;
use norma_domain::{AnalysisStatus, Reason, ReasonCode, ScanId, StudyInstanceUid};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::attributes::{INPUT_READINESS, STATION_CLASSES, STATIONS, WORKITEM_CODES, items, text};
use super::change::{self, Changed};
use super::events::{self, ServiceStatus};
use super::output::{self, Discontinued};
use crate::analyses::{Asked, request_analysis};
use crate::bundle::RunningBundle;
use crate::dicom_results::DicomResults;
use crate::dicomweb::DicomWeb;
use crate::gateway::Gateway;
use crate::new_uid::new_uid;
use crate::problem::{ApiError, WorkitemProblem};
use crate::routing::Router;

/// How long a work item is this gateway's, and when it is looked at again.
const PAUSE: Duration = Duration::from_secs(3);
/// Where nothing is due.
const REST: Duration = Duration::from_secs(1);
/// After a database that does not answer.
const LONG_REST: Duration = Duration::from_secs(10);
const FORGET_EVERY: Duration = Duration::from_hours(1);

/// Whether a work item is for this station: named by it, or by nobody, for no station at all and for Norma's own work.
pub(super) fn is_for_station(attributes: &Attributes, station: &str) -> bool {
    if !items(attributes, STATIONS).is_empty() {
        return output::has_code(attributes, STATIONS, station);
    }
    let is_of_others = !items(attributes, STATION_CLASSES).is_empty() || output::names_person(attributes);
    !is_of_others && output::has_code(attributes, WORKITEM_CODES, output::TRIAGE)
}

/// What has become of the analysis of a study.
enum Found {
    Nothing,
    Running(Box<Analysis>),
    Completed(Box<Analysis>),
    Failed(Discontinued),
}

pub(crate) struct Performer {
    gateway: Arc<Gateway>,
    bundle: Arc<RunningBundle>,
    router: Arc<Router>,
    web: Arc<DicomWeb>,
    results: Arc<DicomResults>,
}

impl Performer {
    pub(crate) fn new(
        gateway: Arc<Gateway>,
        (bundle, router): (Arc<RunningBundle>, Arc<Router>),
        web: Arc<DicomWeb>,
        results: Arc<DicomResults>,
    ) -> Self {
        Self {
            gateway,
            bundle,
            router,
            web,
            results,
        }
    }

    /// Performs until `stopping`. What is begun is gone on with after a restart, by whichever gateway.
    pub(crate) async fn run(self, stopping: CancellationToken) {
        let performing = async {
            let mut forgotten: Option<std::time::Instant> = None;
            loop {
                if forgotten.is_none_or(|at| at.elapsed() >= FORGET_EVERY) {
                    forgotten = Some(std::time::Instant::now());
                    self.forget().await;
                }
                let rest = match self.gateway.database.next_workitem(PAUSE).await {
                    Ok(Some(workitem)) => {
                        let uid = workitem.sop_instance_uid.clone();
                        if let Err(error) = self.look(workitem).await {
                            tracing::warn!(workitem = %uid, code = error.code(), "a work item waits");
                        }
                        continue;
                    }
                    Ok(None) => REST,
                    Err(error) => {
                        tracing::warn!(%error, "work items could not be looked for");
                        LONG_REST
                    }
                };
                sleep(rest).await;
            }
        };
        stopping.run_until_cancelled(performing).await;
    }

    /// Before the first request is answered: who subscribes later is told nothing of it.
    pub(crate) async fn tell_that_it_runs_again(&self) {
        let event = events::service_status(ServiceStatus::Restarted);
        let telling = self.gateway.database.tell_workitem_subscribers(event);
        match timeout(LONG_REST, telling).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "subscribers are not told that the worklist runs again"),
            Err(_) => tracing::warn!(
                "subscribers are not told that the worklist runs again: the database is silent"
            ),
        }
    }

    async fn forget(&self) {
        let kept = self.gateway.options.workitems_kept;
        match self.gateway.database.forget_workitems(kept).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "work items that ended were forgotten"),
            Err(error) => tracing::warn!(%error, "old work items could not be forgotten"),
        }
    }

    async fn look(&self, workitem: Workitem) -> Result<(), ApiError> {
        let attributes = &workitem.attributes;
        match workitem.state {
            WorkitemState::Scheduled if text(attributes, INPUT_READINESS) != Some("READY") => Ok(()),
            WorkitemState::Scheduled => {
                let study = match output::input_study(attributes) {
                    Ok(study) => study,
                    Err(reason) => return self.refuse(&workitem, &reason).await,
                };
                if self.scans(&workitem, &study).await?.is_empty() {
                    // It may come yet.
                    return Ok(());
                }
                self.claim(&workitem).await.map(drop)
            }
            WorkitemState::InProgress => {
                let study = match output::input_study(attributes) {
                    Ok(study) => study,
                    Err(reason) => return self.give_up(&workitem, &reason).await,
                };
                let begun = output::begun_at(attributes).unwrap_or(workitem.created_at);
                match self.analysis(&workitem, &study, begun).await? {
                    Found::Nothing => {
                        let words = "the study was deleted while it was analysed";
                        let reason = Discontinued::new("study_deleted", words);
                        self.give_up(&workitem, &reason).await
                    }
                    Found::Running(analysis) => self.tell_progress(&workitem, &analysis).await,
                    Found::Completed(analysis) => self.complete(&workitem, &study, &analysis).await,
                    Found::Failed(reason) => self.give_up(&workitem, &reason).await,
                }
            }
            WorkitemState::Completed | WorkitemState::Canceled => Ok(()),
        }
    }

    /// The scans of a study, the newest first.
    async fn scans(&self, workitem: &Workitem, study: &StudyInstanceUid) -> Result<Vec<ScanId>, ApiError> {
        self.web.catch_up().await?;
        let found = self
            .gateway
            .database
            .scans_of_dicom_study(study.clone(), workitem.studies_of.clone());
        Ok(found.await?)
    }

    /// The newest analysis of a study that answers what would be asked now or was requested since Norma began; requested where there is
    /// none.
    async fn analysis(
        &self,
        workitem: &Workitem,
        study: &StudyInstanceUid,
        begun: DateTime<Utc>,
    ) -> Result<Found, ApiError> {
        let scans = self.scans(workitem, study).await?;
        let Some(scan_id) = scans.first().copied() else {
            return Ok(Found::Nothing);
        };
        let scan = self.gateway.scan(scan_id).await?;
        let question = self.bundle.question(None).await?;
        let asked = Asked::of_absent(question, workitem.owner.clone());
        // Who makes a work item wants the answer, also where a rule has such studies kept alone.
        let asked = asked.of_study(&self.bundle, &self.router, scan_id).await?;
        let question = asked.question;
        if let Some(id) = scan.latest_analysis_id {
            let analysis = self.gateway.analysis(id).await?;
            let is_of_now = analysis.requested_at >= begun;
            match analysis.status {
                AnalysisStatus::Completed
                    if is_of_now
                        || question.is_of(&analysis) && question.bundle == analysis.bundle_version =>
                {
                    return Ok(Found::Completed(Box::new(analysis)));
                }
                // What failed before may be tried again once.
                AnalysisStatus::Failed if is_of_now => {
                    let unknown = || Reason::new(ReasonCode::Internal, "the analysis failed");
                    return Ok(Found::Failed(analysis.failure.unwrap_or_else(unknown).into()));
                }
                AnalysisStatus::Completed | AnalysisStatus::Failed => {}
                AnalysisStatus::Queued | AnalysisStatus::Preparing | AnalysisStatus::Analyzing => {
                    return Ok(Found::Running(Box::new(analysis)));
                }
            }
        }
        let requested = request_analysis(&self.gateway, scan_id, &question, asked.turn).await?;
        Ok(Found::Running(Box::new(requested)))
    }

    /// Makes it Norma's. False where somebody else was quicker.
    async fn claim(&self, workitem: &Workitem) -> Result<bool, ApiError> {
        let transaction = new_uid();
        let now = Utc::now();
        let mut change = self.changed(workitem, WorkitemState::InProgress, Some(&transaction), now)?;
        output::begin(
            &mut change.attributes,
            &self.gateway.options.workitem_station,
            now,
        );
        self.make(workitem, change, "claimed").await
    }

    async fn tell_progress(&self, workitem: &Workitem, analysis: &Analysis) -> Result<(), ApiError> {
        let ended = self.gateway.database.stage_ends(analysis.id).await?.len();
        let percent = match analysis.status {
            AnalysisStatus::Queued => 0,
            AnalysisStatus::Preparing => 10,
            // Of the stages each a part of what is left.
            _ => 40 + 15 * u8::try_from(ended.min(3)).unwrap_or(3),
        };
        let mut attributes = workitem.attributes.clone();
        let before = attributes.clone();
        output::progress(&mut attributes, percent);
        if attributes == before {
            return Ok(());
        }
        let changes = attributes
            .into_iter()
            .filter(|(tag, value)| before.get(tag) != Some(value))
            .collect();
        let update = change::update(workitem, workitem.transaction_uid.as_deref(), changes, Utc::now());
        let mut change = update.map_err(|problem| unexpected(&problem))?;
        change.is_for_norma = true;
        self.gateway.database.change_workitem(workitem, change).await?;
        Ok(())
    }

    async fn complete(
        &self,
        workitem: &Workitem,
        study: &StudyInstanceUid,
        analysis: &Analysis,
    ) -> Result<(), ApiError> {
        let objects = match self.results.objects_of(analysis, Language::English).await {
            Ok(objects) => objects,
            // The same would come of it again.
            Err(error) if error.is_final() => {
                let reason = Discontinued::new(error.code(), "the answer cannot be told as DICOM objects");
                return self.give_up(workitem, &reason).await;
            }
            Err(error) => return Err(error),
        };
        let now = Utc::now();
        let service = format!("{}/dicom-web", self.gateway.base_url.trim_end_matches('/'));
        let mut attributes = workitem.attributes.clone();
        output::complete(&mut attributes, study.as_str(), &objects, &service, now);
        self.end(workitem, attributes, WorkitemState::Completed, now)
            .await
    }

    async fn give_up(&self, workitem: &Workitem, reason: &Discontinued) -> Result<(), ApiError> {
        let now = Utc::now();
        let mut attributes = workitem.attributes.clone();
        output::give_up(&mut attributes, reason, now);
        self.end(workitem, attributes, WorkitemState::Canceled, now).await
    }

    /// Cancels what cannot be performed, by way of claiming it.
    async fn refuse(&self, workitem: &Workitem, reason: &Discontinued) -> Result<(), ApiError> {
        if !self.claim(workitem).await? {
            return Ok(());
        }
        let uid = workitem.sop_instance_uid.clone();
        let claimed = self.gateway.database.workitem(uid, None).await?;
        match claimed.filter(|claimed| claimed.is_for_norma) {
            Some(claimed) => self.give_up(&claimed, reason).await,
            None => Ok(()),
        }
    }

    /// Ends a work item of Norma's with these attributes.
    async fn end(
        &self,
        workitem: &Workitem,
        attributes: Attributes,
        state: WorkitemState,
        now: DateTime<Utc>,
    ) -> Result<(), ApiError> {
        let mut told = workitem.clone();
        told.attributes = attributes;
        let change = self.changed(&told, state, workitem.transaction_uid.as_deref(), now)?;
        let outcome = if state == WorkitemState::Completed {
            "completed"
        } else {
            "canceled"
        };
        self.make(workitem, change, outcome).await.map(drop)
    }

    fn changed(
        &self,
        workitem: &Workitem,
        state: WorkitemState,
        transaction: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<WorkitemChange, ApiError> {
        let changed = change::change_state(workitem, state, transaction, now);
        match changed.map_err(|problem| unexpected(&problem))? {
            Changed::To(mut change) => {
                change.is_for_norma = true;
                Ok(*change)
            }
            Changed::AlreadyIs(_) => Err(ApiError::internal(anyhow::anyhow!("it has ended"))),
        }
    }

    /// Makes a change, and tells the audit trail before. False where somebody else was quicker.
    async fn make(
        &self,
        workitem: &Workitem,
        change: WorkitemChange,
        outcome: &'static str,
    ) -> Result<bool, ApiError> {
        let database = &self.gateway.database;
        let mut event = NewAuditEvent::of_system("workitems", "workitem.perform")
            .about("workitem", &workitem.sop_instance_uid);
        event.detail = outcome.to_owned();
        event.outcome = AuditOutcome::Begun;
        database.append_audit_events(vec![event.clone()]).await?;
        let is_made = database.change_workitem(workitem, change).await?;
        event.at = Utc::now();
        event.outcome = if is_made {
            AuditOutcome::Success
        } else {
            AuditOutcome::Failed
        };
        database.append_audit_events(vec![event]).await?;
        if is_made {
            metrics::counter!("norma_workitems_performed_total", "outcome" => outcome).increment(1);
        }
        Ok(is_made)
    }
}

fn unexpected(problem: &WorkitemProblem) -> ApiError {
    ApiError::internal(anyhow::anyhow!(
        "a work item of ours cannot be changed: {problem}"
    ))
}
