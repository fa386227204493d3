//! The distributed installation: PostgreSQL, RabbitMQ and every worker as a process of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bundles;
mod embedded;
mod equality;
mod failures;
mod fairness;
mod installation;
#[path = "../studies/mod.rs"]
mod studies;

use tokio::sync::Mutex;

/// One installation at a time: each keeps two cores busy.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
