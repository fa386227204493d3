//! Why a pull failed, and whether another attempt is of use.

use norma_dicom_network::{NetworkError, Status};

use crate::peer_failure::{Failure, FailureKind, told_status};

/// What an archive, or its absence, says to a search or a retrieval.
pub(crate) fn failure_of(error: &NetworkError) -> Failure {
    let NetworkError::Status(status) = error else {
        return Failure::from(error);
    };
    let (code, kind) = of_status(*status);
    Failure::of_peer(code, Some(told_status(*status)), kind, &error.chain())
}

/// PS3.4 tables C.4-1, C.4-2 and C.4-3, and PS3.7 annex C.
fn of_status(status: Status) -> (&'static str, FailureKind) {
    match status.0 {
        // Out of resources: to look, to count, or to send.
        0xA700..=0xA7FF => ("peer_out_of_resources", FailureKind::Passing),
        // A person makes this node known there.
        0xA801 => ("destination_unknown", FailureKind::Passing),
        // The identifier or the class, arguments, authorization.
        0xA900..=0xA9FF | 0x0105..=0x0106 | 0x0112..=0x0115 | 0x0117..=0x0124 | 0x0211..=0x0213 => {
            ("refused_by_peer", FailureKind::Final)
        }
        // Unable to process, cancelled there, and what the standard does not know.
        _ => ("peer_failed", FailureKind::Passing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again() {
        let failure = |status| failure_of(&NetworkError::Status(Status(status)));
        for status in [0xA701, 0xA702, 0xA801, 0xC000, 0xFE00, 0x0110, 0x1234] {
            assert_eq!(failure(status).kind, FailureKind::Passing, "{status:04X}");
        }
        for status in [0xA900, 0x0122, 0x0124, 0x0211] {
            assert_eq!(failure(status).kind, FailureKind::Final, "{status:04X}");
        }
        assert_eq!(failure(0xA801).code, "destination_unknown");
        assert_eq!(failure(0xA801).peer_status.as_deref(), Some("A801"));
    }
}
