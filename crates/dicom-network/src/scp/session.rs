//! The messages of an association.

use dicom_dictionary_std::uids;
use dicom_ul::pdu::Pdu;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::abort::{abort_after, abort_by_user};
use crate::association::Incoming;
use crate::command::{
    C_CANCEL_RQ, C_ECHO_RQ, C_STORE_RQ, Command, N_ACTION_RQ, N_CREATE_RQ, N_EVENT_REPORT_RQ,
    N_EVENT_REPORT_RSP, N_SET_RQ,
};
use crate::commitment::{OUTCOME_BYTES, REQUEST_BYTES, STORAGE_COMMITMENT};
use crate::error::NetworkError;
use crate::incoming::{IncomingInstances, read_to_end};
use crate::negotiation::AcceptedContext;
use crate::performed_step::{PERFORMED_PROCEDURE_STEP, STEP_BYTES};
use crate::scp::commitment::{HeldReport, Reports, is_explicit, request_of};
use crate::scp::handshake::AcceptedAssociation;
use crate::scp::options::ScpOptions;
use crate::scp::outcomes::outcome_of;
use crate::scp::request_data::request_data;
use crate::scp::services::Services;
use crate::scp::steps::{Refusal, take_step};
use crate::status::Status;

/// Answers until the peer releases, something fails, or `shutdown` comes between two messages.
pub(crate) async fn serve_association<S: AsyncRead + AsyncWrite + Unpin>(
    options: &ScpOptions,
    services: &Services,
    mut accepted: AcceptedAssociation<S>,
    shutdown: &CancellationToken,
) {
    let mut counts = Counts::default();
    let mut reports = Reports::default();
    let ended = loop {
        let is_report = tokio::select! {
            () = shutdown.cancelled() => break Ok(End::Shutdown),
            waited = accepted.association.wait() => match waited {
                Ok(()) => false,
                Err(error) => break Err(error),
            },
            () = reports.due() => true,
        };
        let went_on = if is_report {
            let is_explicit = |id| accepted.contexts.get(&id).is_some_and(is_explicit);
            let sent = reports.send_next(&mut accepted.association, is_explicit).await;
            sent.map(|()| true)
        } else {
            answer_next(options, services, &mut accepted, &mut counts, &mut reports).await
        };
        match went_on {
            Ok(true) => {}
            Ok(false) => break Ok(End::Released),
            Err(error) => break Err(error),
        }
    };
    services.sink.association_ended(accepted.id);
    let (calling, address) = (&accepted.calling, accepted.address);
    let stream = &mut accepted.association.stream;
    match &ended {
        Ok(End::Released) => {
            tracing::info!(%calling, %address, stored = counts.stored, refused = counts.refused,
                "a DICOM association ended");
            let _ = stream.write(&Pdu::ReleaseRP).await;
        }
        Ok(End::Shutdown) => {
            let _ = stream.write(&abort_by_user()).await;
        }
        Err(error) => {
            tracing::warn!(%calling, %address, stored = counts.stored, refused = counts.refused, %error,
                "a DICOM association failed");
            if let Some(pdu) = abort_after(error) {
                let _ = stream.write(&pdu).await;
            }
        }
    }
    // After the last word: the peer need not wait for it.
    if let Some(provider) = &services.commitment {
        provider.association_ended(accepted.id).await;
    }
    accepted.association.stream.close().await;
}

enum End {
    Released,
    Shutdown,
}

#[derive(Default)]
struct Counts {
    stored: u64,
    refused: u64,
}

/// Reads and answers one message; false after a request for release.
async fn answer_next<S: AsyncRead + AsyncWrite + Unpin>(
    options: &ScpOptions,
    services: &Services,
    accepted: &mut AcceptedAssociation<S>,
    counts: &mut Counts,
    reports: &mut Reports,
) -> Result<bool, NetworkError> {
    let (id, command) = match accepted.association.read_command().await? {
        Incoming::Command(id, command) => (id, command),
        Incoming::ReleaseRequest => return Ok(false),
        Incoming::ReleaseReply => return Err(NetworkError::Unexpected),
    };
    let context = accepted
        .contexts
        .get(&id)
        .cloned()
        .ok_or(NetworkError::Unexpected)?;
    let needs_id = command.field() != Some(C_CANCEL_RQ) && !command.is_response();
    if command.message_id().is_none() && needs_id {
        return Err(NetworkError::Unreadable(
            "the command has no message ID".to_owned(),
        ));
    }
    let status = match command.field() {
        Some(C_CANCEL_RQ) => return Ok(true),
        Some(N_EVENT_REPORT_RSP) => {
            let transaction = reports.answered(&command)?;
            if command.has_data_set() {
                drain(options, accepted, id).await?;
            }
            if let (Some(transaction), Some(provider)) = (transaction, &services.commitment) {
                provider.reported(accepted.id, &transaction).await;
            }
            return Ok(true);
        }
        Some(N_ACTION_RQ) => match take_request(options, services, accepted, id, &context, &command).await? {
            Ok(report) => {
                reports.keep(id, report);
                Status::SUCCESS
            }
            Err(status) => status,
        },
        Some(N_EVENT_REPORT_RQ) => {
            let told = be_told(options, services, accepted, id, &context, &command).await?;
            told.map_or_else(|status| status, |()| Status::SUCCESS)
        }
        Some(N_CREATE_RQ | N_SET_RQ) => {
            match be_told_of_step(options, services, accepted, id, &context, &command).await? {
                Ok(()) => Status::SUCCESS,
                Err((status, error_id)) => {
                    let response = command.response(status);
                    let response = error_id.into_iter().fold(response, Command::with_error_id);
                    accepted.association.send_command(id, &response).await?;
                    return Ok(true);
                }
            }
        }
        Some(C_STORE_RQ) if command.has_data_set() && is_of_storage(&context) => {
            let incoming = IncomingInstances {
                folder: &options.folder,
                limits: options.limits.of_instance(),
                calling: &accepted.calling,
                address: Some(accepted.address),
                association: accepted.id,
            };
            let received = incoming.receive(&mut accepted.association, id, &context, &command);
            let status = match received.await? {
                Ok(instance) => services
                    .sink
                    .accept(instance)
                    .await
                    .map_or_else(Status::from, |()| Status::SUCCESS),
                Err(status) => status,
            };
            if status == Status::SUCCESS {
                counts.stored += 1;
            } else {
                counts.refused += 1;
            }
            status
        }
        field => {
            if command.has_data_set() {
                drain(options, accepted, id).await?;
            }
            match field {
                Some(C_ECHO_RQ) if context.abstract_syntax == uids::VERIFICATION => Status::SUCCESS,
                Some(C_ECHO_RQ) => Status::SOP_CLASS_NOT_SUPPORTED,
                Some(C_STORE_RQ) => Status::MISTYPED_ARGUMENT,
                // A response to nothing.
                Some(field) if field & 0x8000 != 0 => return Err(NetworkError::Unexpected),
                Some(_) => Status::UNRECOGNIZED_OPERATION,
                None => {
                    return Err(NetworkError::Unreadable(
                        "the command names no operation".to_owned(),
                    ));
                }
            }
        }
    };
    let response = command.response(status);
    accepted.association.send_command(id, &response).await?;
    Ok(true)
}

fn is_of_storage(context: &AcceptedContext) -> bool {
    let others = [uids::VERIFICATION, STORAGE_COMMITMENT, PERFORMED_PROCEDURE_STEP];
    !others.contains(&context.abstract_syntax.as_str())
}

/// Takes a request for storage commitment; the inner error is what the peer is told.
async fn take_request<S: AsyncRead + AsyncWrite + Unpin>(
    options: &ScpOptions,
    services: &Services,
    accepted: &mut AcceptedAssociation<S>,
    id: u8,
    context: &AcceptedContext,
    command: &Command,
) -> Result<Result<HeldReport, Status>, NetworkError> {
    let data = request_data(options, accepted, id, command, REQUEST_BYTES).await?;
    let serving = services.commitment.as_ref();
    let Some(provider) = serving.filter(|provider| provider.serves(&accepted.calling)) else {
        return Ok(Err(Status::UNRECOGNIZED_OPERATION));
    };
    Ok(match request_of(context, command, data) {
        Ok(request) => provider.take(request, &accepted.calling, accepted.id).await,
        Err(status) => Err(status),
    })
}

/// Takes what a peer tells of what it was asked to commit to; the inner error is what the peer is told.
async fn be_told<S: AsyncRead + AsyncWrite + Unpin>(
    options: &ScpOptions,
    services: &Services,
    accepted: &mut AcceptedAssociation<S>,
    id: u8,
    context: &AcceptedContext,
    command: &Command,
) -> Result<Result<(), Status>, NetworkError> {
    let data = request_data(options, accepted, id, command, OUTCOME_BYTES).await?;
    let listening = services.outcomes.as_ref();
    let Some(listener) = listening.filter(|listener| listener.expects(&accepted.calling)) else {
        return Ok(Err(Status::UNRECOGNIZED_OPERATION));
    };
    Ok(match outcome_of(context, command, data) {
        Ok(outcome) => listener.told(outcome, &accepted.calling).await,
        Err(status) => Err(status),
    })
}

/// Takes what a modality tells of what it performs; the inner error is what the peer is told.
async fn be_told_of_step<S: AsyncRead + AsyncWrite + Unpin>(
    options: &ScpOptions,
    services: &Services,
    accepted: &mut AcceptedAssociation<S>,
    id: u8,
    context: &AcceptedContext,
    command: &Command,
) -> Result<Result<(), Refusal>, NetworkError> {
    let data = request_data(options, accepted, id, command, STEP_BYTES).await?;
    let listening = services.steps.as_ref();
    let Some(listener) = listening.filter(|listener| listener.listens_to(&accepted.calling)) else {
        return Ok(Err((Status::UNRECOGNIZED_OPERATION, None)));
    };
    Ok(take_step(listener.as_ref(), (context, command), data, &accepted.calling).await)
}

/// Reads a data set to its end and forgets it.
async fn drain<S: AsyncRead + AsyncWrite + Unpin>(
    options: &ScpOptions,
    accepted: &mut AcceptedAssociation<S>,
    id: u8,
) -> Result<(), NetworkError> {
    let limit = options.limits.instance_bytes;
    read_to_end(&mut accepted.association, id, limit, 0, |_| ()).await
}
