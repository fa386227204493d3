#![doc = include_str!("../README.md")]

mod models;
mod numbers;
mod reading;
mod turn;
mod watch;

use std::time::Duration;

use norma_service::Context;

/// After a panic.
const PAUSE: Duration = Duration::from_secs(30);

/// Reads until the context's shutdown. Fails never: what goes wrong here is no reason to end the processes that answer.
pub async fn run(context: Context) -> anyhow::Result<()> {
    numbers::describe();
    loop {
        let watching = tokio::spawn(watch::watch(context.clone()));
        match watching.await {
            Ok(()) => return Ok(()),
            Err(error) => {
                tracing::error!(%error, "the reading of the second bundle ended; it begins again");
            }
        }
        tokio::select! {
            () = context.shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
