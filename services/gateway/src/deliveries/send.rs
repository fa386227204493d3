//! The objects of an analysis sent over one association, or by one request.

use std::time::Duration;

use norma_database::{Analysis, AuditOutcome, Database, NewAuditEvent};
use norma_dicom_network::{AeTitle, MAX_PDU_LENGTH, NetworkError, OutgoingInstance, Scu, ScuOptions};
use norma_dicom_results::DicomResult;

use crate::deliveries::destination::{Destination, Target};
use crate::deliveries::failure::{DUPLICATE, Failure, FailureKind};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Sends what a destination gets of an analysis. Ends well once the destination has said of each object that it has it.
///
/// The audit trail is told before anything leaves, and how it ended.
pub(super) async fn send(
    database: &Database,
    calling: &AeTitle,
    destination: &Destination,
    analysis: &Analysis,
    objects: &[DicomResult],
) -> Result<(), Failure> {
    let wanted: Vec<&DicomResult> = objects.iter().filter(|object| destination.gets(object)).collect();
    let event = |outcome| {
        let mut event = NewAuditEvent::of_system("pacs", "pacs.deliver").about("analysis", analysis.id);
        event.scan_id = Some(analysis.scan_id);
        event.detail = format!("to {}", destination.name);
        event.outcome = outcome;
        vec![event]
    };
    let begun = {
        let (database, begun) = (database.clone(), event(AuditOutcome::Begun));
        async move { database.append_audit_events(begun).await.map(drop) }
    };
    let sent = match &destination.target {
        Target::Entity { called, address, tls } => {
            let instances = wanted
                .iter()
                .map(|object| OutgoingInstance::from_file(object.bytes.clone()))
                .collect::<Result<Vec<_>, _>>()?;
            let options = ScuOptions {
                address: address.clone(),
                tls: tls.clone(),
                called: called.clone(),
                calling: calling.clone(),
                max_pdu_length: MAX_PDU_LENGTH,
                connect_timeout: CONNECT_TIMEOUT,
                answer_timeout: ANSWER_TIMEOUT,
            };
            let scu = Scu::for_storage(&options, &instances)
                .await
                .map_err(|error| Failure::from(&error))?;
            begun.await?;
            send_all(scu, &instances).await
        }
        Target::Stow(service) => service.store(&wanted, begun).await,
    };
    let ended = event(match &sent {
        Ok(()) => AuditOutcome::Success,
        Err(_) => AuditOutcome::Failed,
    });
    database.append_audit_events(ended).await?;
    sent
}

/// What is refused for good keeps nothing else back: a PACS without structured reports gets the pictures.
async fn send_all(mut scu: Scu, instances: &[OutgoingInstance]) -> Result<(), Failure> {
    let mut refused = None;
    for instance in instances {
        match scu.store(instance).await {
            Ok(()) | Err(NetworkError::Status(DUPLICATE)) => {}
            Err(error) => {
                let failure = Failure::from(&error);
                if failure.kind != FailureKind::Final {
                    scu.abort(&error).await;
                    return Err(failure);
                }
                refused = Some(failure);
            }
        }
    }
    // Every answer was given before.
    let _ = scu.release().await;
    refused.map_or(Ok(()), Err)
}
