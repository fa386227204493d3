//! Instances that a peer sends by C-STORE: to a node that it calls, and over an association on which they were asked for.

use std::net::IpAddr;
use std::path::Path;

use norma_domain::SopInstanceUid;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::ae_title::AeTitle;
use crate::association::Association;
use crate::command::Command;
use crate::error::NetworkError;
use crate::negotiation::AcceptedContext;
use crate::part10::file_head;
use crate::receiving::{IncomingFile, InstanceLimits};
use crate::sink::{AssociationId, ReceivedInstance, StoreFailure};
use crate::status::Status;

/// A data set that is refused is read to its end, so that the peer learns why; one this much longer than allowed is not.
const DRAINED_TIMES: u64 = 2;

/// The instances of an association.
pub(crate) struct IncomingInstances<'a> {
    /// Where they are written while they come.
    pub(crate) folder: &'a Path,
    pub(crate) limits: InstanceLimits,
    pub(crate) calling: &'a AeTitle,
    pub(crate) address: Option<IpAddr>,
    pub(crate) association: AssociationId,
}

impl IncomingInstances<'_> {
    /// Receives the data set of a C-STORE; the inner error is what the peer is told.
    pub(crate) async fn receive<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        association: &mut Association<S>,
        id: u8,
        context: &AcceptedContext,
        command: &Command,
    ) -> Result<Result<ReceivedInstance, Status>, NetworkError> {
        let limit = self.limits.instance_bytes;
        let (mut file, sop_instance_uid) = match self.begin(context, command).await {
            Ok(begun) => begun,
            Err(status) => {
                read_to_end(association, id, limit, 0, |_| ()).await?;
                return Ok(Err(status));
            }
        };
        loop {
            let (bytes, is_last) = association.read_data(id).await?;
            if let Err(failure) = file.write(&bytes).await {
                let read = file.size_bytes;
                drop(file);
                if !is_last {
                    read_to_end(association, id, limit, read, |_| ()).await?;
                }
                return Ok(Err(failure.into()));
            }
            if is_last {
                break;
            }
        }
        let size_bytes = file.size_bytes;
        Ok(match file.finish().await {
            Ok(file) => Ok(ReceivedInstance {
                file,
                sop_class_uid: context.abstract_syntax.clone(),
                sop_instance_uid,
                transfer_syntax_uid: context.transfer_syntax.clone(),
                calling: self.calling.clone(),
                address: self.address,
                move_originator: command.move_originator().and_then(|title| title.parse().ok()),
                association: self.association,
                size_bytes,
            }),
            Err(failure) => Err(failure.into()),
        })
    }

    async fn begin(
        &self,
        context: &AcceptedContext,
        command: &Command,
    ) -> Result<(IncomingFile, String), Status> {
        if command.sop_class().as_deref() != Some(context.abstract_syntax.as_str()) {
            return Err(Status::SOP_CLASS_NOT_SUPPORTED);
        }
        let sop_instance = command
            .sop_instance()
            .filter(|uid| SopInstanceUid::new(uid).is_ok())
            .ok_or(Status::CANNOT_UNDERSTAND)?;
        let head = file_head(
            &context.abstract_syntax,
            &sop_instance,
            &context.transfer_syntax,
            self.calling,
        )
        .map_err(|_| Status::from(StoreFailure::CannotUnderstand))?;
        let file = IncomingFile::create(self.folder, self.limits, &head).await?;
        Ok((file, sop_instance))
    }
}

/// Reads a data set to its end, of which `read` bytes were read before. One that has no end near `limit` bytes is given up.
pub(crate) async fn read_to_end<S: AsyncRead + AsyncWrite + Unpin>(
    association: &mut Association<S>,
    id: u8,
    limit: u64,
    mut read: u64,
    mut each: impl FnMut(&[u8]),
) -> Result<(), NetworkError> {
    loop {
        let (bytes, is_last) = association.read_data(id).await?;
        each(&bytes);
        read += bytes.len() as u64;
        if is_last {
            return Ok(());
        }
        if read > limit.saturating_mul(DRAINED_TIMES) {
            return Err(NetworkError::Unreadable("the data set has no end".to_owned()));
        }
    }
}
