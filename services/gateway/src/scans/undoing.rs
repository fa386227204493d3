//! What a request that failed had stored is taken back, at the latest when the database answers again.

use std::sync::Arc;
use std::time::Duration;

use norma_database::{Database, DatabaseError, DeletedScan, RequestKey};
use norma_domain::ScanId;
use norma_service::pause;
use uuid::Uuid;

use crate::gateway::Gateway;
use crate::scans::forget_objects;

const BETWEEN_TRIES: Duration = Duration::from_secs(5);
/// What a database was told before it fell silent may be carried out when it wakes up, after a first look.
const SECOND_LOOK: Duration = Duration::from_secs(60);

/// What a failed request may have stored: of a change whose answer never came nobody knows whether it was made.
#[derive(Debug, Clone)]
pub(crate) struct Leftover {
    pub(crate) prediction: Uuid,
    pub(crate) scans: Vec<ScanId>,
    pub(crate) request: Option<RequestKey>,
}

impl Leftover {
    /// Takes it back now, or in the background where the database is away.
    pub(crate) async fn take_back(self, gateway: Arc<Gateway>) {
        match self.undo(&gateway).await {
            Ok(()) => {}
            Err(error) if error.is_retryable() => {
                tracing::warn!(%error, scans = self.scans.len(), "what a failed request stored is taken back later");
                tokio::spawn(self.take_back_later(gateway));
            }
            Err(error) => {
                tracing::error!(%error, scans = self.scans.len(), "what a failed request stored could not be taken back");
            }
        }
    }

    async fn take_back_later(self, gateway: Arc<Gateway>) {
        let mut before_next = BETWEEN_TRIES;
        let mut successes = 0;
        while successes < 2 && pause(before_next, &gateway.stopping).await {
            match self.undo(&gateway).await {
                Ok(()) => {
                    successes += 1;
                    before_next = SECOND_LOOK;
                }
                Err(error) => {
                    tracing::warn!(%error, "what a failed request stored could not be taken back yet");
                }
            }
        }
    }

    async fn undo(&self, gateway: &Gateway) -> Result<(), DatabaseError> {
        if let Some(request) = &self.request {
            // From here on the request can make nothing any more; had it made everything, a repeat gets that.
            gateway.database.forget_request(request.clone()).await?;
            if is_there(&gateway.database, self.prediction).await? {
                return Ok(());
            }
        }
        for id in &self.scans {
            let deleted = gateway.database.delete_scan(*id).await?;
            let deleted = deleted.unwrap_or_else(|| DeletedScan {
                scan_id: *id,
                analysis_ids: Vec::new(),
            });
            forget_objects(gateway, vec![deleted]).await;
        }
        Ok(())
    }
}

async fn is_there(database: &Database, prediction: Uuid) -> Result<bool, DatabaseError> {
    Ok(database.prediction(prediction).await?.is_some())
}
