//! Storage commitment over an association: requests that are taken, and their reports where the peer waits for them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dicom_dictionary_std::uids;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::ae_title::AeTitle;
use crate::association::Association;
use crate::command::Command;
use crate::commitment::{
    CommitmentReport, CommitmentRequest, REQUEST_COMMITMENT, STORAGE_COMMITMENT, WELL_KNOWN_INSTANCE,
};
use crate::error::NetworkError;
use crate::negotiation::AcceptedContext;
use crate::sink::AssociationId;
use crate::status::Status;

/// A peer that says nothing for so long after its request keeps the association for the report. One that releases it instead gets
/// the report over another one.
const PEER_WAITS: Duration = Duration::from_millis(500);

/// What is to be told over the association that asked, if the peer keeps it.
#[derive(Debug, Clone)]
pub struct HeldReport {
    pub report: CommitmentReport,
    /// After which it is not this association's any more.
    pub until: Instant,
}

/// Says what is stored.
#[async_trait]
pub trait CommitmentProvider: Send + Sync + 'static {
    /// Whether a peer may ask.
    fn serves(&self, calling: &AeTitle) -> bool;

    /// Takes a request. When this returns, the request is kept: its report is sent over this association, or by the provider over
    /// another one.
    ///
    /// # Errors
    /// What the peer is told.
    async fn take(
        &self,
        request: CommitmentRequest,
        calling: &AeTitle,
        association: AssociationId,
    ) -> Result<HeldReport, Status>;

    /// The peer has taken the report of a request of this association.
    async fn reported(&self, association: AssociationId, transaction_uid: &str);

    /// Nothing more comes of an association: reports that were not taken go another way.
    async fn association_ended(&self, association: AssociationId);
}

/// The reports of an association.
#[derive(Default)]
pub(super) struct Reports {
    waiting: VecDeque<(u8, HeldReport)>,
    /// Message and transaction of the one that is not answered yet.
    sent: Option<(u16, String)>,
    last_message_id: u16,
}

impl Reports {
    /// Pends until the peer is seen to wait for a report. Forgotten and begun anew with whatever the peer says.
    pub(super) async fn due(&mut self) {
        self.waiting.retain(|(_, held)| held.until > Instant::now());
        if self.waiting.is_empty() || self.sent.is_some() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(PEER_WAITS).await;
    }

    pub(super) async fn send_next<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        association: &mut Association<S>,
        is_explicit: impl Fn(u8) -> bool,
    ) -> Result<(), NetworkError> {
        let Some((context, HeldReport { report, .. })) = self.waiting.pop_front() else {
            return Ok(());
        };
        self.last_message_id = self.last_message_id.wrapping_add(1);
        let request = report.command(self.last_message_id);
        association.send_command(context, &request).await?;
        association
            .send_data(context, &report.encode(is_explicit(context)))
            .await?;
        self.sent = Some((self.last_message_id, report.transaction_uid));
        Ok(())
    }

    /// The transaction whose report a response answers with success.
    pub(super) fn answered(&mut self, response: &Command) -> Result<Option<String>, NetworkError> {
        let (_, transaction) = self
            .sent
            .take_if(|(message_id, _)| response.responds_to(*message_id))
            .ok_or(NetworkError::Unexpected)?;
        // Whatever else it says: it is told again, over an association of our own.
        Ok((response.status() == Some(Status::SUCCESS)).then_some(transaction))
    }

    pub(super) fn keep(&mut self, context: u8, report: HeldReport) {
        self.waiting.push_back((context, report));
    }
}

pub(super) fn is_explicit(context: &AcceptedContext) -> bool {
    context.transfer_syntax == uids::EXPLICIT_VR_LITTLE_ENDIAN
}

/// The request that an N-ACTION makes, or what the peer is told.
pub(super) fn request_of(
    context: &AcceptedContext,
    command: &Command,
    data: Option<Vec<u8>>,
) -> Result<CommitmentRequest, Status> {
    if context.abstract_syntax != STORAGE_COMMITMENT {
        return Err(Status::UNRECOGNIZED_OPERATION);
    }
    if command.requested_sop_class().as_deref() != Some(STORAGE_COMMITMENT) {
        return Err(Status::NO_SUCH_SOP_CLASS);
    }
    if command.requested_sop_instance().as_deref() != Some(WELL_KNOWN_INSTANCE) {
        return Err(Status::NO_SUCH_SOP_INSTANCE);
    }
    if command.action_type() != Some(REQUEST_COMMITMENT) {
        return Err(Status::NO_SUCH_ACTION);
    }
    let data = data.ok_or(Status::RESOURCE_LIMITATION)?;
    CommitmentRequest::decode(&data, is_explicit(context)).map_err(|_| Status::INVALID_ARGUMENT)
}
