//! What names this software to its peers.

use dicom_ul::pdu::UserVariableItem;

/// Of the form `2.25.` and a UUID (PS3.5 annex B.2).
pub const IMPLEMENTATION_CLASS_UID: &str = "2.25.245493460814574281769266292688401335322";

/// 16 characters at most.
pub const IMPLEMENTATION_VERSION_NAME: &str = concat!("NORMA_", env!("CARGO_PKG_VERSION"));

pub(crate) const APPLICATION_CONTEXT: &str = "1.2.840.10008.3.1.1.1";

/// What is said of ourselves in a request and in its acceptance.
pub(crate) fn user_variables(max_pdu_length: u32) -> Vec<UserVariableItem> {
    vec![
        UserVariableItem::MaxLength(max_pdu_length),
        UserVariableItem::ImplementationClassUID(IMPLEMENTATION_CLASS_UID.to_owned()),
        UserVariableItem::ImplementationVersionName(IMPLEMENTATION_VERSION_NAME.to_owned()),
    ]
}

/// The longest P-DATA-TF that the peer takes; none where it sets no limit.
pub(crate) fn max_length_of(variables: &[UserVariableItem]) -> Option<u32> {
    variables
        .iter()
        .find_map(|item| match item {
            UserVariableItem::MaxLength(length) => Some(*length),
            _ => None,
        })
        .filter(|length| *length > 0)
}
