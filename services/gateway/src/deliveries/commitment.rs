//! Whether a destination has stored what it took: asked for after everything was sent, and answered at once, later, or over an
//! association of its own.

use std::time::Duration;

use norma_database::{Database, UncommittedObject};
use norma_dicom_network::{CommitmentOutcome, CommitmentRequest, Scu, ScuOptions, SopReference, Status};
use norma_dicom_results::DicomResult;
use norma_domain::DeliveryId;

use crate::deliveries::ledger::ObjectLedger;
use crate::new_uid::new_uid;
use crate::peer_failure::{Failure, FailureKind, told_status};

/// How long the association that asked is kept for the answer.
const WAITS: Duration = Duration::from_secs(5);
/// After which a destination that has not told is asked anew.
const ASKED_AGAIN_AFTER: Duration = Duration::from_mins(30);

/// The question about one delivery.
pub(super) struct Commitment<'a> {
    pub(super) database: &'a Database,
    pub(super) delivery: DeliveryId,
}

fn awaited() -> Failure {
    Failure::passing(
        "commitment_awaited",
        "the destination has not told yet what it has stored",
    )
}

impl Commitment<'_> {
    /// What was told since the last attempt. True where everything is stored; what is not is missing again, and sent.
    ///
    /// # Errors
    /// Where nothing was told, and it is not yet time to ask anew.
    pub(super) async fn told_before(&self, ledger: &ObjectLedger) -> Result<bool, Failure> {
        let Some(asked) = self.database.commitment_asked(self.delivery).await? else {
            return Ok(false);
        };
        match asked.answer {
            Some(uncommitted) if uncommitted.is_empty() => Ok(true),
            Some(uncommitted) => {
                self.database.forget_commitment_asked(self.delivery).await?;
                for object in &uncommitted {
                    ledger.lose(&object.sop_instance_uid);
                }
                Ok(false)
            }
            None if asked.age < ASKED_AGAIN_AFTER => Err(awaited()),
            None => Ok(false),
        }
    }

    /// Asks, and waits for a moment.
    ///
    /// # Errors
    /// Where the destination does not let itself be asked, has not told yet, or has not stored something.
    pub(super) async fn ask(
        &self,
        options: &ScuOptions,
        objects: &[&DicomResult],
        ledger: &ObjectLedger,
    ) -> Result<(), Failure> {
        let request = CommitmentRequest {
            transaction_uid: new_uid(),
            instances: objects
                .iter()
                .map(|object| SopReference {
                    class_uid: object.sop_class_uid.clone(),
                    instance_uid: object.sop_instance_uid.clone(),
                })
                .collect(),
        };
        let mut scu = Scu::for_commitment(options)
            .await
            .map_err(|error| Failure::from(&error))?;
        // Before it is asked: the answer may come over another association at once.
        let transaction = request.transaction_uid.clone();
        self.database
            .note_commitment_asked(self.delivery, transaction)
            .await?;
        let outcome = match scu.request_commitment(&request).await {
            Ok(()) => scu.commitment_outcome(WAITS).await,
            Err(error) => Err(error),
        };
        let outcome = match outcome {
            Ok(outcome) => {
                // The answer was given before.
                let _ = scu.release().await;
                outcome
            }
            Err(error) => {
                let failure = Failure::from(&error);
                scu.abort(&error).await;
                return Err(failure);
            }
        };
        match outcome.filter(|outcome| outcome.transaction_uid == request.transaction_uid) {
            Some(outcome) => self.of_outcome(&outcome, ledger).await,
            // It may have been told over another association meanwhile.
            None if self.told_before(ledger).await? => Ok(()),
            None => Err(awaited()),
        }
    }

    async fn of_outcome(&self, outcome: &CommitmentOutcome, ledger: &ObjectLedger) -> Result<(), Failure> {
        let uncommitted = uncommitted_of(outcome);
        if uncommitted.is_empty() {
            return Ok(());
        }
        self.database.forget_commitment_asked(self.delivery).await?;
        Err(not_committed(&uncommitted, ledger))
    }
}

/// What is not stored is missing, and sent again with the next attempt.
pub(super) fn not_committed(uncommitted: &[UncommittedObject], ledger: &ObjectLedger) -> Failure {
    for object in uncommitted {
        ledger.lose(&object.sop_instance_uid);
    }
    let status = uncommitted.first().map(|object| Status(object.reason));
    Failure::of_peer(
        "not_committed",
        status.map(told_status),
        FailureKind::Passing,
        "the destination has not stored everything that it took",
    )
}

/// The objects that a destination has not stored.
pub(crate) fn uncommitted_of(outcome: &CommitmentOutcome) -> Vec<UncommittedObject> {
    let failed = outcome.failed.iter();
    failed
        .map(|(reference, reason)| UncommittedObject {
            sop_instance_uid: reference.instance_uid.clone(),
            reason: *reason,
        })
        .collect()
}
