//! What the conformance statement says of the gateway, as the code has it.

use norma_dicom_network::{NetworkError, Status};

use crate::identity::operations::OPERATIONS;
use crate::peer_failure::{DUPLICATE, Failure, FailureKind};
use crate::pulls::failure_of;

/// What follows on the status that a peer answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AfterStatus {
    Done,
    TriedAgain,
    /// Until a person has it done again.
    LeftAlone,
}

impl AfterStatus {
    fn of(failure: &Failure) -> Self {
        match failure.kind {
            FailureKind::Passing | FailureKind::Connection => Self::TriedAgain,
            FailureKind::Final => Self::LeftAlone,
        }
    }

    /// Of an object that is delivered.
    pub fn of_delivery(status: u16) -> Self {
        let status = Status(status);
        if status.is_stored() || status == DUPLICATE {
            return Self::Done;
        }
        Self::of(&Failure::of_status(status, ""))
    }

    /// The last one of a retrieval, all of which is here.
    pub fn of_retrieval(status: u16) -> Self {
        let status = Status(status);
        if status.is_done() {
            return Self::Done;
        }
        Self::of(&failure_of(&NetworkError::Status(status)))
    }
}

/// The requests of DICOMweb: method, path, and the action that the audit trail tells.
pub fn dicomweb_requests() -> Vec<(String, &'static str, &'static str)> {
    let of_dicomweb = OPERATIONS
        .iter()
        .filter(|operation| operation.path.starts_with("/dicom-web/"));
    of_dicomweb
        .map(|operation| {
            let action = operation.audit.action().unwrap_or_default();
            (operation.method.to_string(), operation.path, action)
        })
        .collect()
}
