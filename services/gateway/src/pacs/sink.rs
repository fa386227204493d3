//! Received instances go to the spool.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use norma_dicom_network::{AssociationId, InstanceSink, ReceivedInstance, StoreFailure};
use norma_dicom_spool::{KeepError, Spool};

use crate::pacs::arrivals::Arrivals;

pub(super) struct SpoolSink {
    pub(super) spool: Arc<Spool>,
    pub(super) arrivals: Arc<Arrivals>,
}

#[async_trait]
impl InstanceSink for SpoolSink {
    async fn accept(&self, instance: ReceivedInstance) -> Result<(), StoreFailure> {
        let spool = Arc::clone(&self.spool);
        let ReceivedInstance {
            file,
            sop_instance_uid,
            association,
            ..
        } = instance;
        let kept = tokio::task::spawn_blocking(move || spool.keep(&sop_instance_uid, file))
            .await
            .map_err(|_| StoreFailure::Failed)?;
        let outcome = match kept {
            Ok(study) => {
                self.arrivals.came(study, Some(association));
                Ok(())
            }
            Err(KeepError::Unnamed) => Err(StoreFailure::CannotUnderstand),
            Err(KeepError::Io(error)) => {
                tracing::error!(%error, "a received instance could not be kept");
                Err(match error.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreFailure::OutOfResources,
                    _ => StoreFailure::Failed,
                })
            }
        };
        let label = if outcome.is_ok() { "kept" } else { "not_kept" };
        metrics::counter!("norma_pacs_instances_total", "outcome" => label).increment(1);
        outcome
    }

    fn association_ended(&self, association: AssociationId) {
        self.arrivals.ended(association);
    }
}
