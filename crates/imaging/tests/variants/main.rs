//! One phantom chest, exported, sent and packed in many ways: each of them gives the right volume, told by marks in its
//! slices, or is refused by the name of what is wrong.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are not marked as tests"
)]

#[path = "../support/mod.rs"]
mod support;

mod acquisitions;
mod contradictions;
mod damaged;
mod elements;
mod grids;
mod images;
mod kernels;
mod phases;
mod right;
mod scattered;
mod uploads;
