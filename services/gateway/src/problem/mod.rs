//! Errors as the client sees them, and what a failure below is to the client.

mod access_problem;
pub(crate) mod answers;
mod api_error;
mod database_errors;
mod document;
mod object_errors;
mod permanence;
mod proposal_problem;
mod pull_problem;
mod workitem_problem;

pub use access_problem::AccessProblem;
pub use api_error::ApiError;
pub use document::Problem;
pub use proposal_problem::ProposalProblem;
pub use pull_problem::PullProblem;
pub use workitem_problem::{WorkitemProblem, WorkitemRefusal};
