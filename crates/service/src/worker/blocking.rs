//! Blocking work of a message. A thread cannot be stopped from outside, so a stage whose time is up waits for it: another
//! message taken beside it would share its memory and its models.

use std::time::Duration;

use tokio_util::task::TaskTracker;

use crate::behind::{Behind, run_behind};

tokio::task_local! {
    static WORK: TaskTracker;
}

/// Runs blocking work of the message at hand on a thread of its own, which stands behind those that answer requests. The worker loop takes no other message in its place
/// before it has ended, also where the stage's time is up before.
///
/// # Errors
/// Where the work panicked.
pub async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, tokio::task::JoinError> {
    // Outside of the worker loop (in a test of a handler) nobody waits.
    let tracker = WORK.try_with(Clone::clone).unwrap_or_default();
    tracker
        .spawn_blocking(move || run_behind(Behind::Analysis, work))
        .await
}

/// The blocking work that handling one message has started.
#[derive(Debug, Default)]
pub(super) struct BlockingWork(TaskTracker);

impl BlockingWork {
    /// Handles a message, noting what blocking work it starts.
    pub(super) async fn noting<T>(&self, handling: impl Future<Output = T>) -> T {
        WORK.scope(self.0.clone(), handling).await
    }

    /// Waits until all of it has ended; false where that takes longer than `patience`.
    pub(super) async fn ended(&self, patience: Duration) -> bool {
        self.0.close();
        tokio::time::timeout(patience, self.0.wait()).await.is_ok()
    }
}
