//! Why an attempt failed, and whether another one is of use.

use norma_database::{DatabaseError, DeliveryProblem};
use norma_dicom_network::{InvalidFile, NetworkError, Status};

use crate::problem::ApiError;

/// The peer has it from an attempt whose answer was lost.
pub(crate) const DUPLICATE: Status = Status::DUPLICATE_SOP_INSTANCE;

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// A word that stays the same.
    pub(crate) code: &'static str,
    /// What the destination answered.
    pub(crate) peer_status: Option<String>,
    pub(crate) kind: FailureKind,
    /// For the log; nothing of the patient.
    pub(crate) detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// Nobody there, or nobody who listens: everything else for this destination fails likewise.
    Connection,
    /// It may pass.
    Passing,
    /// The same would come of it again.
    Final,
}

impl Failure {
    pub(crate) fn passing(code: &'static str, detail: &str) -> Self {
        Self {
            code,
            peer_status: None,
            kind: FailureKind::Passing,
            detail: detail.to_owned(),
        }
    }

    /// What a peer, or its absence, says.
    pub(crate) fn of_peer(
        code: &'static str,
        peer_status: Option<String>,
        kind: FailureKind,
        detail: &str,
    ) -> Self {
        Self {
            code,
            peer_status,
            kind,
            detail: detail.to_owned(),
        }
    }

    /// What a peer says of an instance.
    pub(crate) fn of_status(status: Status, detail: &str) -> Self {
        let (code, kind) = of_status(status);
        Self::of_peer(code, Some(told_status(status)), kind, detail)
    }

    pub(crate) fn problem(&self) -> DeliveryProblem {
        DeliveryProblem {
            code: self.code.into(),
            peer_status: self.peer_status.clone(),
        }
    }
}

impl From<&NetworkError> for Failure {
    fn from(error: &NetworkError) -> Self {
        let (code, kind) = match error {
            NetworkError::Connect(_) => ("peer_unreachable", FailureKind::Connection),
            NetworkError::Timeout => ("peer_silent", FailureKind::Connection),
            // Certificates are renewed, there or here.
            NetworkError::Tls(_) => ("tls_failed", FailureKind::Connection),
            // A person may let it in at any time, there or here.
            NetworkError::Rejected(_) => ("association_rejected", FailureKind::Connection),
            NetworkError::Connection(_)
            | NetworkError::Closed
            | NetworkError::Aborted
            | NetworkError::TooLarge { .. }
            | NetworkError::Unreadable(_)
            | NetworkError::Unexpected => ("connection_lost", FailureKind::Connection),
            NetworkError::NotAccepted { .. } => ("class_not_accepted", FailureKind::Final),
            NetworkError::Status(status) => of_status(*status),
            NetworkError::File(_) => ("internal", FailureKind::Final),
        };
        let peer_status = match error {
            NetworkError::Status(status) => Some(told_status(*status)),
            _ => None,
        };
        Self {
            code,
            peer_status,
            kind,
            detail: error.chain(),
        }
    }
}

/// A status as people are told it: `A700`.
pub(crate) fn told_status(status: Status) -> String {
    format!("{:04X}", status.0)
}

/// PS3.4 table B.2-1 and PS3.7 annex C: what stays as it is, and what may pass.
fn of_status(status: Status) -> (&'static str, FailureKind) {
    match status.0 {
        0xA700..=0xA7FF => ("peer_out_of_resources", FailureKind::Passing),
        // Data set or class, arguments, authorization.
        0xA900..=0xA9FF
        | 0xC000..=0xCFFF
        | 0x0105..=0x0106
        | 0x0112..=0x0115
        | 0x0117..=0x0124
        | 0x0211..=0x0213 => ("refused_by_peer", FailureKind::Final),
        _ => ("peer_failed", FailureKind::Passing),
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let code = error.code();
        let kind = if error.is_final() {
            FailureKind::Final
        } else {
            FailureKind::Passing
        };
        Self {
            code,
            peer_status: None,
            kind,
            detail: format!("{:#}", anyhow::Error::new(error)),
        }
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        Self::from(ApiError::from(error))
    }
}

impl From<InvalidFile> for Failure {
    fn from(error: InvalidFile) -> Self {
        Self::from(&NetworkError::File(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_whether_another_attempt_is_of_use() {
        let kind = |status| Failure::from(&NetworkError::Status(Status(status))).kind;
        for status in [0xA700, 0xA701, 0x0110, 0x0101, 0x1234] {
            assert_eq!(kind(status), FailureKind::Passing, "{status:04X}");
        }
        for status in [0xA900, 0xA9FF, 0xC000, 0xCFFF, 0x0122, 0x0124, 0x0117] {
            assert_eq!(kind(status), FailureKind::Final, "{status:04X}");
        }
        let failure = Failure::from(&NetworkError::Status(Status(0xA900)));
        assert_eq!(failure.peer_status.as_deref(), Some("A900"));
        let rejected = Failure::from(&NetworkError::Rejected("x".to_owned()));
        assert_eq!(rejected.kind, FailureKind::Connection);
        let not_accepted = NetworkError::NotAccepted {
            sop_class: "1.2".to_owned(),
        };
        assert_eq!(Failure::from(&not_accepted).kind, FailureKind::Final);
        assert_eq!(Failure::from(ApiError::NoDicomResults).kind, FailureKind::Final);
        assert_eq!(Failure::from(ApiError::StorageFull).kind, FailureKind::Passing);
    }
}
