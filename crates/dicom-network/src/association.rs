//! Messages over an association (PS3.7 section 6.3, PS3.8 annex E): commands and data sets in fragments.

use std::collections::VecDeque;

use dicom_ul::pdu::{PDataValue, PDataValueType, Pdu};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::command::Command;
use crate::error::NetworkError;
use crate::pdu_stream::PduStream;

/// A command of this size holds nothing of the standard.
const COMMAND_LIMIT: usize = 64 << 10;
/// The longest P-DATA-TF that is sent, whatever the peer takes.
const LONGEST_SENT: u32 = 128 << 10;
/// Length, context and control header of a fragment.
const FRAGMENT_HEAD: u32 = 6;
/// A peer that takes less takes nothing.
const SHORTEST_FRAGMENT: u32 = 128;

pub(crate) struct Association<S> {
    pub(crate) stream: PduStream<S>,
    /// Bytes of a fragment that the peer takes.
    fragment_bytes: usize,
    fragments: VecDeque<PDataValue>,
}

/// What a peer sends next.
pub(crate) enum Incoming {
    Command(u8, Command),
    ReleaseRequest,
    ReleaseReply,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Association<S> {
    pub(crate) fn new(stream: PduStream<S>, peer_max_pdu_length: Option<u32>) -> Self {
        let length = peer_max_pdu_length.unwrap_or(LONGEST_SENT).min(LONGEST_SENT);
        let fragment_bytes = length.saturating_sub(FRAGMENT_HEAD).max(SHORTEST_FRAGMENT);
        Self {
            stream,
            fragment_bytes: fragment_bytes as usize,
            fragments: VecDeque::new(),
        }
    }

    /// Waits until something comes. May be dropped.
    pub(crate) async fn wait(&mut self) -> Result<(), NetworkError> {
        if self.fragments.is_empty() {
            self.stream.wait().await?;
        }
        Ok(())
    }

    /// The next command as a whole, or the end.
    pub(crate) async fn read_command(&mut self) -> Result<Incoming, NetworkError> {
        let mut bytes = Vec::new();
        let mut context = None;
        loop {
            if self.fragments.is_empty() {
                match self.stream.read().await? {
                    Pdu::PData { data } => self.fragments.extend(data),
                    Pdu::ReleaseRQ if bytes.is_empty() => return Ok(Incoming::ReleaseRequest),
                    Pdu::ReleaseRP if bytes.is_empty() => return Ok(Incoming::ReleaseReply),
                    Pdu::AbortRQ { .. } => return Err(NetworkError::Aborted),
                    _ => return Err(NetworkError::Unexpected),
                }
                continue;
            }
            let Some(fragment) = self.fragments.pop_front() else {
                continue;
            };
            let is_of_context = context.is_none_or(|context| context == fragment.presentation_context_id);
            if fragment.value_type != PDataValueType::Command || !is_of_context {
                return Err(NetworkError::Unexpected);
            }
            context = Some(fragment.presentation_context_id);
            bytes.extend(fragment.data);
            if bytes.len() > COMMAND_LIMIT {
                return Err(NetworkError::Unreadable("the command is too long".to_owned()));
            }
            if fragment.is_last {
                let command = Command::parse(&bytes)
                    .map_err(|_| NetworkError::Unreadable("the command is malformed".to_owned()))?;
                return Ok(Incoming::Command(fragment.presentation_context_id, command));
            }
        }
    }

    /// The next fragment of the data set that follows a command, and whether it is the last.
    pub(crate) async fn read_data(&mut self, context: u8) -> Result<(Vec<u8>, bool), NetworkError> {
        loop {
            if let Some(fragment) = self.fragments.pop_front() {
                if fragment.value_type != PDataValueType::Data || fragment.presentation_context_id != context
                {
                    return Err(NetworkError::Unexpected);
                }
                return Ok((fragment.data, fragment.is_last));
            }
            match self.stream.read().await? {
                Pdu::PData { data } => self.fragments.extend(data),
                Pdu::AbortRQ { .. } => return Err(NetworkError::Aborted),
                _ => return Err(NetworkError::Unexpected),
            }
        }
    }

    /// The data set that follows a command as a whole.
    pub(crate) async fn read_data_set(&mut self, context: u8, limit: usize) -> Result<Vec<u8>, NetworkError> {
        let mut data_set = Vec::new();
        loop {
            let (bytes, is_last) = self.read_data(context).await?;
            if data_set.len() + bytes.len() > limit {
                return Err(NetworkError::Unreadable("the data set is too long".to_owned()));
            }
            data_set.extend(bytes);
            if is_last {
                return Ok(data_set);
            }
        }
    }

    pub(crate) async fn send_command(&mut self, context: u8, command: &Command) -> Result<(), NetworkError> {
        self.send(context, PDataValueType::Command, &command.encode())
            .await
    }

    pub(crate) async fn send_data(&mut self, context: u8, data_set: &[u8]) -> Result<(), NetworkError> {
        self.send(context, PDataValueType::Data, data_set).await
    }

    async fn send(
        &mut self,
        presentation_context_id: u8,
        value_type: PDataValueType,
        bytes: &[u8],
    ) -> Result<(), NetworkError> {
        let mut rest = bytes;
        loop {
            let (data, after) = rest.split_at(rest.len().min(self.fragment_bytes));
            rest = after;
            let value = PDataValue {
                presentation_context_id,
                value_type: value_type.clone(),
                is_last: rest.is_empty(),
                data: data.to_vec(),
            };
            self.stream.write(&Pdu::PData { data: vec![value] }).await?;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }
}
