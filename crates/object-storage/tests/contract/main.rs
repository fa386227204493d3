//! One suite for both sides of the object storage port: every test runs against a folder and against an S3 server,
//! with encryption and without.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod deleting;
mod encryption;
mod readiness;
mod reading;
mod sides;
mod writing;
