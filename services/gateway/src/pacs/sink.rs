//! Received instances go to the spool.

use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use norma_dicom_network::{AssociationId, InstanceSink, ReceivedInstance, StoreFailure};
use norma_dicom_results::{is_made_here, may_be_made_here};
use norma_dicom_spool::{KeepError, Spool, manufacturer_of};

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
            sop_class_uid,
            sop_instance_uid,
            association,
            ..
        } = instance;
        let keeping = move || {
            if is_returned(&sop_class_uid, &sop_instance_uid, &file)? {
                return Ok(None);
            }
            spool.keep(&sop_instance_uid, file).map(Some)
        };
        let kept = tokio::task::spawn_blocking(keeping)
            .await
            .map_err(|_| StoreFailure::Failed)?;
        let mut label = "kept";
        let outcome = match kept {
            Ok(Some(study)) => {
                self.arrivals.came(study, Some(association));
                Ok(())
            }
            // The PACS has it, and here it can be made again.
            Ok(None) => {
                label = "returned";
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
        if outcome.is_err() {
            label = "not_kept";
        }
        metrics::counter!("norma_pacs_instances_total", "outcome" => label).increment(1);
        outcome
    }

    fn association_ended(&self, association: AssociationId) {
        self.arrivals.ended(association);
    }
}

/// Whether a PACS sends back a result that it was sent: were that taken for an instance of its study, the study would be
/// analysed again, and that result sent, without end.
fn is_returned(sop_class_uid: &str, sop_instance_uid: &str, file: &Path) -> io::Result<bool> {
    if !may_be_made_here(sop_class_uid, sop_instance_uid) {
        return Ok(false);
    }
    let manufacturer = manufacturer_of(file)?;
    Ok(is_made_here(
        sop_class_uid,
        sop_instance_uid,
        &manufacturer.unwrap_or_default(),
    ))
}
