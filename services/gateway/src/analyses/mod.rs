//! Analyses of scans: requested, waited for, and their reports.

pub(crate) mod route;
mod wait;

pub(crate) use wait::wait_for_end;
