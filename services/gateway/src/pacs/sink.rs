//! Received instances go to the spool.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use norma_dicom_network::{AeTitle, AssociationId, InstanceSink, ReceivedInstance, StoreFailure};
use norma_dicom_results::{is_made_here, may_be_made_here};
use norma_dicom_spool::{KeepError, Spool, StudyKey, check_names, manufacturer_of, study_of};

use crate::gateway::Gateway;
use crate::pacs::arrivals::Arrivals;
use crate::pacs::stored::{StoredStudies, note_other_content};
use crate::pacs::traffic::Traffic;
use crate::pulls::PullWatch;

pub(super) struct SpoolSink {
    pub(super) spool: Arc<Spool>,
    pub(super) arrivals: Arc<Arrivals>,
    pub(super) stored: Arc<StoredStudies>,
    pub(super) gateway: Arc<Gateway>,
    pub(super) urgent_callers: Vec<AeTitle>,
    /// Over the studies that are pulled.
    pub(super) watch: Arc<PullWatch>,
    pub(super) traffic: Arc<Traffic>,
    /// Associations that brought other content, with its study: people are told once for each.
    pub(super) told: Mutex<HashSet<(AssociationId, StudyKey)>>,
}

#[async_trait]
impl InstanceSink for SpoolSink {
    async fn accept(&self, instance: ReceivedInstance) -> Result<(), StoreFailure> {
        let (association, calling) = (instance.association, instance.calling.clone());
        let (label, outcome) = match self.keep(instance).await {
            Ok(Some(study)) => {
                self.arrivals.came(study, Some((&calling, association)));
                ("kept", Ok(()))
            }
            // The PACS has it, and here it can be made again.
            Ok(None) => ("returned", Ok(())),
            Err(KeepError::Unnamed) => ("not_kept", Err(StoreFailure::CannotUnderstand)),
            Err(KeepError::DoesNotMatch) => ("not_kept", Err(StoreFailure::DoesNotMatch)),
            Err(KeepError::OtherContent) => ("other_content", Err(StoreFailure::Duplicate)),
            Err(KeepError::Io(error)) => {
                tracing::error!(%error, "a received instance could not be kept");
                let failure = match error.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreFailure::OutOfResources,
                    _ => StoreFailure::Failed,
                };
                ("not_kept", Err(failure))
            }
        };
        metrics::counter!("norma_pacs_instances_total", "outcome" => label).increment(1);
        self.traffic.note(&calling, outcome);
        outcome
    }

    fn association_ended(&self, association: AssociationId) {
        self.arrivals.ended(association);
        self.told().retain(|(told, _)| *told != association);
    }
}

impl SpoolSink {
    /// None of a result of ours.
    async fn keep(&self, instance: ReceivedInstance) -> Result<Option<StudyKey>, KeepError> {
        let ReceivedInstance {
            file,
            sop_class_uid,
            sop_instance_uid,
            association,
            calling,
            move_originator,
            ..
        } = instance;
        let uid = sop_instance_uid.clone();
        let (is_returned, study, file) = blocking(move || {
            check_names(&file, &sop_class_uid, &uid)?;
            let is_returned = is_returned(&sop_class_uid, &uid, &file)?;
            Ok((is_returned, study_of(&file)?, file))
        })
        .await?;
        if is_returned {
            if let Some(study) = study {
                self.watch.returned(&study, &sop_instance_uid);
            }
            return Ok(None);
        }
        let study = study.ok_or(KeepError::Unnamed)?;
        // Whatever becomes of it: what is looked up of its study is let go when nothing more comes.
        self.arrivals.came(study.clone(), Some((&calling, association)));
        let stored = self.stored.contradicts(&study, &sop_instance_uid, &file).await;
        let kept = match stored {
            Some(_) => Err(KeepError::OtherContent),
            None => {
                let spool = Arc::clone(&self.spool);
                let is_urgent = self.urgent_callers.contains(&calling);
                let standing = self.watch.standing(&study, &calling, move_originator.as_ref());
                let uid = sop_instance_uid.clone();
                blocking(move || {
                    let study = spool.keep(&uid, file, standing)?;
                    if is_urgent {
                        spool.mark_urgent(&study)?;
                    }
                    Ok(study)
                })
                .await
            }
        };
        if kept.is_ok() {
            self.watch.came(&study, &sop_instance_uid);
        }
        if matches!(kept, Err(KeepError::OtherContent)) && self.told().insert((association, study)) {
            let detail =
                format!("{calling} sent an instance again with another data set; what was stored stays");
            note_other_content(&self.gateway, stored, detail).await;
        }
        kept.map(Some)
    }

    fn told(&self) -> MutexGuard<'_, HashSet<(AssociationId, StudyKey)>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeepError> + Send + 'static,
) -> Result<T, KeepError> {
    let worked = tokio::task::spawn_blocking(work).await;
    worked.unwrap_or_else(|error| Err(KeepError::Io(io::Error::other(error))))
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
