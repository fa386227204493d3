//! The answer to an analysis sent as its destination reads it: objects over one association or by one request, or a message.

use norma_database::{Analysis, DatabaseError};
use norma_dicom_network::{AeTitle, NetworkError, OutgoingInstance, Scu, ScuOptions};
use norma_dicom_results::DicomResult;
use norma_result_messages::Told;

use crate::deliveries::commitment::Commitment;
use crate::deliveries::destination::{Destination, Target};
use crate::deliveries::ledger::ObjectLedger;
use crate::deliveries::messages::{post_transaction, post_webhook};
use crate::dicom_results::{Answer, DicomResults};
use crate::peer_failure::{DUPLICATE, Failure, FailureKind};
use crate::problem::ApiError;

/// Sends what a destination gets of an analysis. Ends well once the destination has said that it has it, each object of it.
///
/// `commitment`: how it is asked whether it has stored them, where it is. `ledger`: which objects it has; those are not sent, and what it says of others is noted there. `before`: once the destination is
/// there, before anything leaves. Where it fails nothing does.
pub(super) async fn send(
    calling: &AeTitle,
    destination: &Destination,
    results: &DicomResults,
    analysis: &Analysis,
    (ledger, commitment): (&ObjectLedger, &Commitment<'_>),
    before: impl Future<Output = Result<(), DatabaseError>> + Send + 'static,
) -> Result<(), Failure> {
    match &destination.target {
        Target::Entity { called, peer } => {
            let objects = results.objects_of(analysis, destination.language).await?;
            let wanted = wanted(destination, &objects);
            let options = peer.scu(called, calling);
            if !destination.commitment {
                return store(&options, &ledger.missing(wanted), ledger, before).await;
            }
            let is_sent = ledger.missing(wanted.clone()).is_empty();
            if is_sent && commitment.told_before(ledger).await? {
                return Ok(());
            }
            store(&options, &ledger.missing(wanted.clone()), ledger, before).await?;
            commitment.ask(&options, &wanted, ledger).await
        }
        Target::Stow(service) => {
            let objects = results.objects_of(analysis, destination.language).await?;
            let wanted = wanted(destination, &objects);
            service
                .store(&ledger.missing(wanted.clone()), ledger, before)
                .await?;
            if !destination.commitment {
                return Ok(());
            }
            let scan = commitment.database.scan(analysis.scan_id).await?;
            let study = scan
                .and_then(|scan| scan.study_uid)
                .ok_or(ApiError::ScanNotFound)?;
            service.check(&study, &wanted, ledger).await
        }
        Target::Hl7(receiver) => {
            let answer = results.answer_of(analysis).await?;
            receiver.send(&told(&answer), before).await
        }
        Target::Fhir(service) => {
            let answer = results.answer_of(analysis).await?;
            post_transaction(service, &told(&answer), before).await
        }
        Target::Webhook { service, secret } => {
            let answer = results.answer_of(analysis).await?;
            post_webhook(service, secret, &told(&answer), before).await
        }
    }
}

fn told(answer: &Answer) -> Told<'_> {
    Told {
        report: &answer.report,
        study: &answer.study,
    }
}

fn wanted<'a>(destination: &Destination, objects: &'a [DicomResult]) -> Vec<&'a DicomResult> {
    objects.iter().filter(|object| destination.gets(object)).collect()
}

/// What is refused for good keeps nothing else back: a PACS without structured reports gets the pictures.
async fn store(
    options: &ScuOptions,
    objects: &[&DicomResult],
    ledger: &ObjectLedger,
    before: impl Future<Output = Result<(), DatabaseError>>,
) -> Result<(), Failure> {
    if objects.is_empty() {
        return Ok(());
    }
    let instances = objects
        .iter()
        .map(|object| OutgoingInstance::from_file(object.bytes.clone()))
        .collect::<Result<Vec<_>, _>>()?;
    let associated = Scu::for_storage(options, &instances).await;
    let mut scu = associated.map_err(|error| Failure::from(&error))?;
    before.await?;
    let mut refused = None;
    for (object, instance) in objects.iter().zip(&instances) {
        match scu.store(instance).await {
            Ok(()) | Err(NetworkError::Status(DUPLICATE)) => ledger.take(object),
            Err(error) => {
                let failure = Failure::from(&error);
                if failure.kind != FailureKind::Final {
                    scu.abort(&error).await;
                    return Err(failure);
                }
                ledger.refuse(object, &failure);
                refused = Some(failure);
            }
        }
    }
    // Every answer was given before.
    let _ = scu.release().await;
    refused.map_or(Ok(()), Err)
}
