//! One suite for both sides of the database port: every test runs against SQLite and against PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod access;
mod analyses;
mod application_role;
mod audit;
mod audit_pruning;
mod builders;
mod changes;
mod deletions;
mod deliveries;
mod feedback;
mod held_studies;
mod identity;
mod lifecycle;
mod newer;
mod outbox;
mod passkeys;
mod patients;
mod performed_steps;
mod predictions;
mod pulls;
mod received_studies;
mod repeats;
mod repetition;
mod roles;
mod scans;
mod schema;
mod second_factors;
mod shadow;
mod sides;
mod site;
mod storage_commitments;
mod studies;
mod study_identities;
mod study_locks;
mod thresholds_held;
mod turns;
mod worker_role;
mod workitems;
