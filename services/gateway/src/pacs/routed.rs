//! How a received study is routed: what it says, which rule decides, and the analysis that this asks for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use norma_database::Owner;
use norma_dicom_spool::TakenStudy;
use norma_domain::{Priority, ScanId};
use norma_service::RoutingPriority;

use crate::analyses::{Turn, is_due, request_analysis};
use crate::pacs::contents::stored_instances;
use crate::pacs::hand_over::HandOver;
use crate::pacs::stored::SCOPE;
use crate::problem::ApiError;
use crate::routing::{Route, StudyFacts, read_facts, unknown_point};

impl HandOver {
    /// Notes what a study says and how it is routed. `before`: what this one adds to, and says too.
    pub(super) async fn note_route(
        &self,
        scan_id: ScanId,
        before: Option<ScanId>,
        taken: &TakenStudy,
        files: &BTreeMap<String, PathBuf>,
    ) -> Result<(), ApiError> {
        let mut facts = self.facts_of(files).await?;
        facts.is_prior = taken.is_prior();
        if let Some(before) = before {
            if let Some(earlier) = self.noted_facts(before).await? {
                facts.extend(earlier);
            }
            // What an earlier study adds to was looked at: then all of it is.
            facts.is_prior &= !self.is_analyzed(before).await?;
        }
        self.note(scan_id, &facts).await
    }

    /// What is noted of a study, and what the rules say of that now.
    pub(super) async fn noted_route(
        &self,
        scan_id: ScanId,
        taken: &TakenStudy,
    ) -> Result<(StudyFacts, Route), ApiError> {
        let facts = self.noted_facts(scan_id).await?.unwrap_or_else(|| StudyFacts {
            is_prior: taken.is_prior(),
            ..StudyFacts::default()
        });
        let route = self.predictions.router.decide(&facts);
        Ok((facts, route))
    }

    /// All of a study is here. It was kept alone perhaps, and now somebody sends it to be looked at.
    pub(super) async fn look_again(
        &self,
        before: ScanId,
        taken: &TakenStudy,
        files: &BTreeMap<String, PathBuf>,
    ) -> Result<(), ApiError> {
        if taken.is_prior() || !self.is_due(before, taken).await? {
            return Ok(());
        }
        let mut facts = self.facts_of(files).await?;
        facts.extend(self.noted_facts(before).await?.unwrap_or_default());
        self.note(before, &facts).await?;
        let route = self.predictions.router.decide(&facts);
        if route.analyze {
            self.analyze_once(before, taken, route).await?;
        }
        Ok(())
    }

    /// All of a study is here by an upload or by STOW-RS: from now on that came by C-STORE as well. It is analysed if it never was, and its
    /// results go where those of such studies go.
    pub(super) async fn take_for_received(
        &self,
        before: ScanId,
        came: BTreeMap<String, String>,
        taken: &TakenStudy,
        files: &BTreeMap<String, PathBuf>,
    ) -> Result<(), ApiError> {
        let database = &self.predictions.gateway.database;
        // Deleted since it was looked at: then the study is stored after all, when this is begun again.
        if database.scan(before).await?.is_none() {
            return Err(ApiError::ScanNotFound);
        }
        database
            .note_stored_instances(before, stored_instances(came))
            .await?;
        if taken.is_prior() {
            return Ok(());
        }
        let mut facts = self.facts_of(files).await?;
        if let Some(earlier) = self.noted_facts(before).await? {
            facts.extend(earlier);
        }
        self.note(before, &facts).await?;
        let route = self.predictions.router.decide(&facts);
        if route.analyze {
            self.analyze_once(before, taken, route).await?;
            database.queue_missing_deliveries(before).await?;
        }
        Ok(())
    }

    /// Requests the analysis of a scan that has none, or whose analysis failed before the study was sent again.
    pub(super) async fn analyze_once(
        &self,
        scan_id: ScanId,
        taken: &TakenStudy,
        route: Route,
    ) -> Result<(), ApiError> {
        if !self.is_due(scan_id, taken).await? {
            return Ok(());
        }
        let asked = self.predictions.bundle.question(route.operating_point).await;
        let question = asked.map_err(unknown_point)?;
        let turn = Turn {
            // Who may send urgent studies is the settings' to say, and the studies are here already.
            priority: match route.priority {
                Some(RoutingPriority::Routine) => Priority::Routine,
                _ if taken.is_urgent() => Priority::Urgent,
                _ => Priority::Routine,
            },
            requested_by: Some(Owner::Scope(SCOPE.to_owned())),
            most_urgent: None,
        };
        request_analysis(&self.predictions.gateway, scan_id, &question, turn).await?;
        Ok(())
    }

    /// What was deleted is not wanted.
    async fn is_due(&self, scan_id: ScanId, taken: &TakenStudy) -> Result<bool, ApiError> {
        let gateway = &self.predictions.gateway;
        match gateway.database.scan(scan_id).await? {
            Some(scan) => is_due(gateway, &scan, taken_at(taken)).await,
            None => Ok(false),
        }
    }

    async fn is_analyzed(&self, scan_id: ScanId) -> Result<bool, ApiError> {
        let scan = self.predictions.gateway.database.scan(scan_id).await?;
        Ok(scan.is_some_and(|scan| scan.latest_analysis_id.is_some()))
    }

    async fn facts_of(&self, files: &BTreeMap<String, PathBuf>) -> Result<StudyFacts, ApiError> {
        let gateway = &self.predictions.gateway;
        let reader = &self.predictions.uploads.reader;
        let sender = Some(Owner::Scope(SCOPE.to_owned()));
        read_facts(gateway, reader, sender, files).await
    }

    async fn noted_facts(&self, scan_id: ScanId) -> Result<Option<StudyFacts>, ApiError> {
        self.predictions.router.noted(scan_id).await
    }

    async fn note(&self, scan_id: ScanId, facts: &StudyFacts) -> Result<(), ApiError> {
        self.predictions.router.note(scan_id, facts).await
    }
}

/// When nothing more came of a study: the identifier of the scan that it may become is of that moment, and stays across a kill.
fn taken_at(taken: &TakenStudy) -> DateTime<Utc> {
    let timestamp = taken.scan_id().as_uuid().get_timestamp();
    let moment = timestamp.and_then(|timestamp| {
        let (seconds, nanoseconds) = timestamp.to_unix();
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanoseconds)
    });
    moment.unwrap_or_else(Utc::now)
}
