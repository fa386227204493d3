//! Asynchronous work in a program that is none.

use std::time::Duration;

use anyhow::Context as _;

/// A thread that still waits at the end, for a database that fell silent, holds the program up no longer than this.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Runs asynchronous work to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Runtime::new().context("failed to start")?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(LAST_WAIT);
    outcome
}
