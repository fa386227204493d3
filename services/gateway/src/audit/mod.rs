//! The audit trail: what the gateway tells it, and how it is read.

pub(crate) mod route;
pub(crate) mod schema;
mod trail;

pub(crate) use trail::AuditTrail;
