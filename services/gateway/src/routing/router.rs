//! The rules at work.

use std::path::Path;
use std::sync::Arc;

use norma_database::{Owner, StudyRoute};
use norma_domain::ScanId;
use norma_service::RoutingWay;

use crate::gateway::Gateway;
use crate::problem::ApiError;
use crate::routing::facts::StudyFacts;
use crate::routing::read::read_upload;
use crate::routing::rules::{Route, Rules};
use crate::uploads::Uploads;

/// Knows the rules, and what is noted of studies.
pub(crate) struct Router {
    gateway: Arc<Gateway>,
    uploads: Arc<Uploads>,
    rules: Rules,
}

impl Router {
    pub(crate) fn new(gateway: Arc<Gateway>, uploads: Arc<Uploads>, rules: Rules) -> Self {
        Self {
            gateway,
            uploads,
            rules,
        }
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(crate) fn decide(&self, facts: &StudyFacts) -> Route {
        self.rules.decide(facts)
    }

    /// What an upload of one study says; None where no rule is for what comes so.
    pub(crate) async fn facts_of(
        &self,
        came_by: RoutingWay,
        sender: Option<Owner>,
        upload: &Path,
    ) -> Result<Option<StudyFacts>, ApiError> {
        if !self.rules.are_for(came_by) {
            return Ok(None);
        }
        let reader = &self.uploads.reader;
        let facts = read_upload(&self.gateway, reader, sender, (upload, came_by)).await?;
        Ok(Some(facts))
    }

    /// Notes what a study says and how it is routed.
    pub(crate) async fn note(&self, scan_id: ScanId, facts: &StudyFacts) -> Result<(), ApiError> {
        let route = self.rules.decide(facts);
        let noted = StudyRoute {
            scan_id,
            facts: serde_json::to_string(facts).map_err(ApiError::internal)?,
            rule: route.rule,
            destinations: route.destinations,
        };
        Ok(self.gateway.database.note_study_route(noted).await?)
    }

    /// What is noted of a study.
    pub(crate) async fn noted(&self, scan_id: ScanId) -> Result<Option<StudyFacts>, ApiError> {
        let noted = self.gateway.database.study_route(scan_id).await?;
        // What another version wrote is not known here.
        Ok(noted.and_then(|noted| serde_json::from_str(&noted.facts).ok()))
    }

    /// What the rules say now of a study; None where none is for what comes as that came.
    pub(crate) async fn route_of(&self, scan_id: ScanId) -> Result<Option<Route>, ApiError> {
        let ways = [RoutingWay::CStore, RoutingWay::StowRs, RoutingWay::Upload];
        if !ways.into_iter().any(|way| self.rules.are_for(way)) {
            return Ok(None);
        }
        let facts = self.noted(scan_id).await?;
        Ok(facts
            .filter(|facts| self.rules.are_for(facts.came_by))
            .map(|facts| self.rules.decide(&facts)))
    }
}

/// A person mends the rule or the bundle; until then the study waits, and is not looked at by another point.
pub(crate) fn unknown_point(error: ApiError) -> ApiError {
    match error {
        ApiError::UnknownOperatingPoint { .. } => ApiError::Unavailable {
            dependency: "routing",
            source: anyhow::anyhow!("a rule names an operating point that the bundle does not have"),
        },
        other => other,
    }
}
