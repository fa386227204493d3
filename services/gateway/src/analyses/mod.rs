//! Analyses of scans: requested, waited for, and their reports.

mod asked;
mod completed;
pub(crate) mod many;
mod request;
pub(crate) mod route;
mod sent_again;
mod wait;

pub(crate) use asked::Asked;
pub(crate) use completed::check_completed;
pub(crate) use request::{Turn, request_analysis};
pub(crate) use sent_again::is_due;
pub(crate) use wait::wait_for_end;
