//! Errors as the client sees them, and what a failure below is to the client.

mod api_error;
mod database_errors;
mod object_errors;

pub(crate) use api_error::PROBLEM_JSON;
pub use api_error::{ApiError, Problem};
