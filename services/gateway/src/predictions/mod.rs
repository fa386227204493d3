//! Uploads without a patient, answered in one go.

mod prediction;
pub(crate) mod route;
pub(crate) mod schema;

pub(crate) use prediction::{Predictions, Sender};
