//! Storage commitment: what is stored of what a peer asks about, kept until the peer knows.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use norma_database::{AuditOutcome, ClaimedCommitment, CommittedInstance, NewAuditEvent, StorageCommitment};
use norma_dicom_network::{
    AeTitle, AssociationId, CommitmentFailure, CommitmentProvider, CommitmentReport, CommitmentRequest,
    HeldReport, SopReference, Status,
};
use norma_dicom_spool::Spool;

use crate::gateway::Gateway;
use crate::problem::ApiError;

/// How long a transaction is one process's: an association that waits for an answer to its report included.
pub(super) const LEASE: Duration = Duration::from_secs(75);
/// In which a peer is told over the association that asked. With the time for its answer it is less than the lease.
const HELD: Duration = Duration::from_secs(10);
/// Transactions of one peer that wait.
const MOST_WAITING: u32 = 1000;

/// Takes requests for storage commitment.
pub(super) struct Commitments {
    gateway: Arc<Gateway>,
    spool: Arc<Spool>,
    /// Who may ask.
    peers: BTreeSet<AeTitle>,
    /// Transactions of associations that may be told yet.
    held: Mutex<HashMap<AssociationId, Vec<ClaimedCommitment>>>,
}

impl Commitments {
    pub(super) fn new(gateway: Arc<Gateway>, spool: Arc<Spool>, peers: BTreeSet<AeTitle>) -> Self {
        Self {
            gateway,
            spool,
            peers,
            held: Mutex::default(),
        }
    }

    /// What is kept, and until when its peer is told over the association that asked; None where too much waits.
    async fn keep(
        &self,
        request: CommitmentRequest,
        calling: &AeTitle,
    ) -> Result<Option<(ClaimedCommitment, Instant)>, ApiError> {
        let classes = self.classes_of(&request.instances).await?;
        let instances = request.instances.into_iter().map(|instance| {
            let failure = failure_of(&instance, &classes).map(CommitmentFailure::code);
            CommittedInstance {
                class_uid: instance.class_uid,
                instance_uid: instance.instance_uid,
                failure,
            }
        });
        let commitment = StorageCommitment {
            calling: calling.to_string(),
            transaction_uid: request.transaction_uid,
            instances: instances.collect(),
        };
        // Before the peer is answered: it may delete what it is told is stored.
        let event = event_of(&commitment, AuditOutcome::Begun, "asked");
        let refused = event_of(&commitment, AuditOutcome::Refused, "too_many");
        let database = &self.gateway.database;
        database.append_audit_events(vec![event]).await?;
        // With the lease: to look for what is stored of a large request takes its time.
        let until = Instant::now() + HELD;
        let kept = database.keep_commitment(commitment, LEASE, MOST_WAITING).await?;
        if kept.is_none() {
            database.append_audit_events(vec![refused]).await?;
        }
        Ok(kept.map(|claimed| (claimed, until)))
    }

    /// The SOP classes of what is here under these SOP Instance UIDs.
    async fn classes_of(
        &self,
        instances: &[SopReference],
    ) -> Result<HashMap<String, HashSet<String>>, ApiError> {
        let uids: BTreeSet<&String> = instances.iter().map(|instance| &instance.instance_uid).collect();
        let uids: Vec<String> = uids.into_iter().cloned().collect();
        let database = &self.gateway.database;
        let mut found = database.stored_instances(uids.clone()).await?;
        let missing = |found: &HashMap<_, _>| {
            let missing = uids.iter().filter(|uid| !found.contains_key(*uid));
            missing.cloned().collect::<Vec<String>>()
        };
        let (spool, wanted) = (Arc::clone(&self.spool), missing(&found));
        let in_spool = tokio::task::spawn_blocking(move || {
            let mut classes: HashMap<String, HashSet<String>> = HashMap::new();
            for uid in wanted {
                let of_uid = spool.classes_of(&uid)?;
                if !of_uid.is_empty() {
                    classes.insert(uid, of_uid.into_iter().collect());
                }
            }
            Ok::<_, io::Error>(classes)
        });
        let in_spool = in_spool.await.map_err(ApiError::internal)?;
        found.extend(in_spool.map_err(ApiError::internal)?);
        // What left the spool between the two looks is stored now.
        found.extend(database.stored_instances(missing(&found)).await?);
        Ok(found)
    }

    /// What is held of an association.
    fn take_held(&self, association: AssociationId) -> Vec<ClaimedCommitment> {
        self.held().remove(&association).unwrap_or_default()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<AssociationId, Vec<ClaimedCommitment>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CommitmentProvider for Commitments {
    fn serves(&self, calling: &AeTitle) -> bool {
        self.peers.contains(calling)
    }

    async fn take(
        &self,
        request: CommitmentRequest,
        calling: &AeTitle,
        association: AssociationId,
    ) -> Result<HeldReport, Status> {
        match self.keep(request, calling).await {
            Ok(Some((claimed, until))) => {
                let report = report_of(&claimed.commitment);
                self.held().entry(association).or_default().push(claimed);
                Ok(HeldReport { report, until })
            }
            Ok(None) => {
                count("refused");
                tracing::warn!(%calling, "a peer asks for storage commitment, and too many of its transactions wait");
                Err(Status::RESOURCE_LIMITATION)
            }
            Err(error) => {
                count("refused");
                tracing::error!(%calling, code = error.code(), error = format!("{:#}", anyhow::Error::new(error)),
                    "a request for storage commitment could not be kept");
                Err(Status::PROCESSING_FAILURE)
            }
        }
    }

    async fn reported(&self, association: AssociationId, transaction_uid: &str) {
        let claimed = {
            let mut held = self.held();
            let of_association = held.entry(association).or_default();
            let at = of_association
                .iter()
                .position(|claimed| claimed.commitment.transaction_uid == transaction_uid);
            at.map(|at| of_association.swap_remove(at))
        };
        if let Some(claimed) = claimed {
            end(&self.gateway, &claimed, Ended::Reported).await;
        }
    }

    async fn association_ended(&self, association: AssociationId) {
        for claimed in self.take_held(association) {
            let given_back = self
                .gateway
                .database
                .postpone_commitment(&claimed, Duration::ZERO);
            if let Err(error) = given_back.await {
                // It is told once the lease is over.
                tracing::warn!(%error, "a transaction of storage commitment could not be given back");
            }
        }
    }
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The peer knows.
    Reported,
    /// The peer was not there for too long.
    GivenUp,
}

/// Forgets a transaction that ended, if it is still this process's.
pub(super) async fn end(gateway: &Gateway, claimed: &ClaimedCommitment, ended: Ended) {
    let (outcome, word) = match ended {
        Ended::Reported => (AuditOutcome::Success, "reported"),
        Ended::GivenUp => (AuditOutcome::Failed, "given_up"),
    };
    let ending = async {
        if gateway.database.finish_commitment(claimed).await? {
            count(word);
            let event = event_of(&claimed.commitment, outcome, word);
            gateway.database.append_audit_events(vec![event]).await?;
        }
        Ok::<_, norma_database::DatabaseError>(())
    };
    if let Err(error) = ending.await {
        // The peer is told once more when the lease is over, and knows the transaction by its UID.
        tracing::warn!(%error, "how a transaction of storage commitment ended could not be noted");
    }
}

/// What is told of a transaction.
pub(super) fn report_of(commitment: &StorageCommitment) -> CommitmentReport {
    let mut report = CommitmentReport {
        transaction_uid: commitment.transaction_uid.clone(),
        committed: Vec::new(),
        failed: Vec::new(),
    };
    for instance in &commitment.instances {
        let reference = SopReference {
            class_uid: instance.class_uid.clone(),
            instance_uid: instance.instance_uid.clone(),
        };
        let failure = instance.failure.map(|code| {
            let known = CommitmentFailure::ALL
                .into_iter()
                .find(|failure| failure.code() == code);
            known.unwrap_or(CommitmentFailure::NoSuchInstance)
        });
        match failure {
            None => report.committed.push(reference),
            Some(failure) => report.failed.push((reference, failure)),
        }
    }
    report
}

fn failure_of(
    instance: &SopReference,
    classes: &HashMap<String, HashSet<String>>,
) -> Option<CommitmentFailure> {
    match classes.get(&instance.instance_uid) {
        None => Some(CommitmentFailure::NoSuchInstance),
        Some(classes) if !classes.contains(&instance.class_uid) => {
            Some(CommitmentFailure::ClassInstanceConflict)
        }
        Some(_) => None,
    }
}

fn event_of(commitment: &StorageCommitment, outcome: AuditOutcome, word: &str) -> NewAuditEvent {
    let failed = commitment
        .instances
        .iter()
        .filter(|instance| instance.failure.is_some());
    let mut event = NewAuditEvent::of_system("pacs", "pacs.commit");
    event.outcome = outcome;
    event.detail = format!(
        "{}: {word}: {} instances, {} of them not stored",
        commitment.calling,
        commitment.instances.len(),
        failed.count()
    );
    event
}

fn count(outcome: &'static str) {
    metrics::counter!("norma_pacs_commitments_total", "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_as_another_class_is_a_conflict() {
        let reference = |class: &str, instance: &str| SopReference {
            class_uid: class.to_owned(),
            instance_uid: instance.to_owned(),
        };
        let classes = HashMap::from([("1.1".to_owned(), HashSet::from(["9.1".to_owned()]))]);
        let of = |class, instance| failure_of(&reference(class, instance), &classes);
        assert_eq!(of("9.1", "1.1"), None);
        assert_eq!(of("9.2", "1.1"), Some(CommitmentFailure::ClassInstanceConflict));
        assert_eq!(of("9.1", "1.2"), Some(CommitmentFailure::NoSuchInstance));
    }
}
