//! One suite for both sides of the database port: every test runs against SQLite and against PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod analyses;
mod builders;
mod feedback;
mod lifecycle;
mod outbox;
mod patients;
mod predictions;
mod scans;
mod schema;
mod sides;
mod studies;
