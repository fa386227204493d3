//! A peer is asked whether it has stored what it was sent, and says so over the same association if it does at once.

use std::time::Duration;

use dicom_dictionary_std::uids;
use tokio::time::timeout;

use super::{Proposal, Scu, ScuOptions};
use crate::association::Incoming;
use crate::command::{Command, N_ACTION_RSP, N_EVENT_REPORT_RQ};
use crate::commitment::{
    CommitmentOutcome, CommitmentRequest, OUTCOME_BYTES, REQUEST_COMMITMENT, STORAGE_COMMITMENT,
    WELL_KNOWN_INSTANCE,
};
use crate::error::NetworkError;
use crate::negotiation::MESSAGE_TRANSFER_SYNTAXES;
use crate::status::Status;

impl Scu {
    /// For requests of storage commitment.
    ///
    /// # Errors
    /// Where the peer cannot be reached or does not accept.
    pub async fn for_commitment(options: &ScuOptions) -> Result<Self, NetworkError> {
        let wanted = MESSAGE_TRANSFER_SYNTAXES.map(|syntax| Proposal::new(STORAGE_COMMITMENT, &[syntax]));
        Self::associate(options, wanted.into()).await
    }

    /// Asks whether instances are stored; returns when the peer says that it will tell.
    ///
    /// # Errors
    /// [`NetworkError::Status`] where it says otherwise: the association goes on then.
    pub async fn request_commitment(&mut self, request: &CommitmentRequest) -> Result<(), NetworkError> {
        let (context, is_explicit) = self.commitment_context()?;
        let message_id = self.next_message_id();
        let command = Command::action(
            message_id,
            STORAGE_COMMITMENT,
            WELL_KNOWN_INSTANCE,
            REQUEST_COMMITMENT,
        );
        self.association.send_command(context, &command).await?;
        self.association
            .send_data(context, &request.encode(is_explicit))
            .await?;
        match self.response(N_ACTION_RSP, message_id).await? {
            Status::SUCCESS => Ok(()),
            status => Err(NetworkError::Status(status)),
        }
    }

    /// Waits for what the peer tells over this association. None where it tells nothing in `patience`, or ends the association.
    ///
    /// # Errors
    /// Where what it says cannot be read.
    pub async fn commitment_outcome(
        &mut self,
        patience: Duration,
    ) -> Result<Option<CommitmentOutcome>, NetworkError> {
        let (_, is_explicit) = self.commitment_context()?;
        match timeout(patience, self.association.wait()).await {
            Err(_) | Ok(Err(NetworkError::Closed | NetworkError::Timeout)) => return Ok(None),
            Ok(waited) => waited?,
        }
        let (context, command) = match self.association.read_command().await? {
            Incoming::Command(context, command) => (context, command),
            Incoming::ReleaseRequest | Incoming::ReleaseReply => return Ok(None),
        };
        if command.field() != Some(N_EVENT_REPORT_RQ) || !command.has_data_set() {
            return Err(NetworkError::Unexpected);
        }
        let mut data_set = Vec::new();
        loop {
            let (bytes, is_last) = self.association.read_data(context).await?;
            data_set.extend(bytes);
            if data_set.len() > OUTCOME_BYTES {
                return Err(NetworkError::Unreadable("the report has no end".to_owned()));
            }
            if is_last {
                break;
            }
        }
        let outcome = CommitmentOutcome::decode(&data_set, is_explicit);
        let status = match outcome {
            Ok(_) => Status::SUCCESS,
            Err(_) => Status::INVALID_ARGUMENT,
        };
        let response = command.response(status);
        self.association.send_command(context, &response).await?;
        let unreadable = |_| NetworkError::Unreadable("the report is not well-formed".to_owned());
        outcome.map(Some).map_err(unreadable)
    }

    fn commitment_context(&self) -> Result<(u8, bool), NetworkError> {
        let explicit = self.context_of(STORAGE_COMMITMENT, uids::EXPLICIT_VR_LITTLE_ENDIAN);
        let implicit = self.context_of(STORAGE_COMMITMENT, uids::IMPLICIT_VR_LITTLE_ENDIAN);
        let context = explicit.map(|id| (id, true)).or(implicit.map(|id| (id, false)));
        context.ok_or_else(|| NetworkError::NotAccepted {
            sop_class: STORAGE_COMMITMENT.to_owned(),
        })
    }
}
