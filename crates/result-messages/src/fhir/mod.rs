//! FHIR R4 (4.0.1): a transaction that can be sent again.

mod observation;
mod resource;
mod transaction;

pub use transaction::transaction;
