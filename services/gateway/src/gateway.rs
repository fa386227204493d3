//! What the handlers share.

/// The gateway's parts.
pub struct Gateway {}
