//! One suite for both sides of the database port: every test runs against SQLite and against PostgreSQL.

mod analyses;
mod builders;
mod patients;
mod sides;
