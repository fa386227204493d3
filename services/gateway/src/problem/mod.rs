//! Errors as the client sees them, and what a failure below is to the client.

pub(crate) mod answers;
mod api_error;
mod database_errors;
mod document;
mod object_errors;
mod permanence;

pub use api_error::ApiError;
pub use document::Problem;
