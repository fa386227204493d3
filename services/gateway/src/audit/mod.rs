//! What the gateway tells the audit trail.

mod trail;

pub(crate) use trail::AuditTrail;
