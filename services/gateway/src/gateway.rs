//! What the rooms share.

use norma_database::{Analysis, Database, Owner, Scan};
use norma_domain::{AnalysisId, Report, ScanId};
use norma_object_storage::Objects;
use norma_service::Context;
use tokio_util::sync::CancellationToken;

use crate::kept::Kept;
use crate::options::GatewayOptions;
use crate::places::Places;
use crate::problem::ApiError;

/// Exports of patients' data at once, and of one identity.
const EXPORTS_AT_ONCE: usize = 6;
const EXPORTS_OF_ONE: usize = 2;

/// The gateway's state.
pub(crate) struct Gateway {
    pub(crate) database: Database,
    pub(crate) objects: Objects,
    pub(crate) options: GatewayOptions,
    pub(crate) stopping: CancellationToken,
    pub(crate) context: Context,
    /// What is kept in memory of studies.
    pub(crate) kept: Kept,
    /// One for each upload that is received.
    pub(crate) uploads: Places<Owner>,
    /// Exports that are under way: each keeps a thread for as long as its client takes.
    pub(crate) exports: Places<Owner>,
    /// Where browsers reach the gateway: as the settings say, or where it listens. Never what a request says.
    pub(crate) base_url: String,
}

impl Gateway {
    pub(crate) fn new(context: Context, options: GatewayOptions, base_url: String) -> Self {
        Self {
            uploads: Places::new(options.uploads_at_once, options.uploads_at_once_per_identity, 0),
            database: context.database.clone(),
            objects: context.objects.clone(),
            stopping: context.shutdown.clone(),
            options,
            context,
            kept: Kept::default(),
            exports: Places::new(EXPORTS_AT_ONCE, EXPORTS_OF_ONE, 0),
            base_url,
        }
    }

    pub(crate) async fn scan(&self, id: ScanId) -> Result<Scan, ApiError> {
        self.database.scan(id).await?.ok_or(ApiError::ScanNotFound)
    }

    pub(crate) async fn analysis(&self, id: AnalysisId) -> Result<Analysis, ApiError> {
        self.database
            .analysis(id)
            .await?
            .ok_or(ApiError::AnalysisNotFound)
    }

    /// The report of a completed analysis.
    pub(crate) async fn report(&self, id: AnalysisId) -> Result<Report, ApiError> {
        match self.database.report(id).await? {
            Some(report) => Ok(report),
            // Deleted between the two reads, or else a defect: completion and report are one transaction.
            None => Err(ApiError::AnalysisNotFound),
        }
    }

    /// The same for one of many; None where it is written in words of another version.
    pub(crate) async fn readable_report(&self, id: AnalysisId) -> Result<Option<Report>, ApiError> {
        match self.database.reports(vec![id]).await?.remove(&id) {
            Some(report) => Ok(report),
            None => Err(ApiError::AnalysisNotFound),
        }
    }
}
