//! How an association is given up.

use dicom_ul::pdu::{AbortRQServiceProviderReason, AbortRQSource, Pdu};

use crate::error::NetworkError;

pub(crate) fn abort(reason: AbortRQServiceProviderReason) -> Pdu {
    Pdu::AbortRQ {
        source: AbortRQSource::ServiceProvider(reason),
    }
}

pub(crate) fn abort_by_user() -> Pdu {
    Pdu::AbortRQ {
        source: AbortRQSource::ServiceUser,
    }
}

/// What a peer is told whose PDU cannot be taken; none where it is gone.
pub(crate) fn abort_after(error: &NetworkError) -> Option<Pdu> {
    let reason = match error {
        NetworkError::TooLarge { .. } | NetworkError::Unreadable(_) => {
            AbortRQServiceProviderReason::InvalidPduParameter
        }
        NetworkError::Unexpected => AbortRQServiceProviderReason::UnexpectedPdu,
        NetworkError::Timeout => AbortRQServiceProviderReason::ReasonNotSpecified,
        _ => return None,
    };
    Some(abort(reason))
}
