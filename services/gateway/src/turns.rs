//! One queue of the database, and one place that its entries go to: looked at again and again, an entry a turn.

use std::time::{Duration, Instant};

use norma_service::pause;
use tokio_util::sync::CancellationToken;

use crate::back_off::back_off;
use crate::peer_failure::FailureKind;

/// The pause of a turn that found nothing to do.
pub(crate) const IDLE: Duration = Duration::from_secs(1);
/// Between two attempts at a place that is not there.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);
const MEASURED_EVERY: Duration = Duration::from_secs(5);

/// What is done with one queue.
pub(crate) trait Queue {
    /// Says in metrics what waits.
    fn measure(&self) -> impl Future<Output = ()> + Send;

    /// Does what is due with at most one entry, and gives the pause until the next turn. A turn that began is finished, so what takes
    /// long looks at `stopping` itself.
    fn turn(&mut self, stopping: &CancellationToken) -> impl Future<Output = Duration> + Send;
}

/// What came of an attempt at an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// The place was there.
    Heard,
    Unheard,
    /// The entry is another process's now.
    Lost,
}

impl Attempt {
    /// One that failed.
    pub(crate) fn failed(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Connection => Self::Unheard,
            FailureKind::Passing | FailureKind::Final => Self::Heard,
        }
    }
}

/// Attempts one after the other at a place that was not there.
#[derive(Debug, Default)]
pub(crate) struct Silences(u32);

impl Silences {
    /// The pause until the next turn.
    pub(crate) fn pause_after(&mut self, attempt: Attempt) -> Duration {
        match attempt {
            Attempt::Lost => IDLE,
            Attempt::Heard => {
                self.0 = 0;
                Duration::ZERO
            }
            Attempt::Unheard => {
                self.0 = self.0.saturating_add(1);
                back_off(self.0, LONGEST_SILENCE)
            }
        }
    }
}

/// Takes turns until `stopping`.
pub(crate) async fn take_turns(mut queue: impl Queue, stopping: &CancellationToken) {
    let mut measured: Option<Instant> = None;
    while !stopping.is_cancelled() {
        if measured.is_none_or(|at| at.elapsed() >= MEASURED_EVERY) {
            measured = Some(Instant::now());
            queue.measure().await;
        }
        let before_next = queue.turn(stopping).await;
        pause(before_next, stopping).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    struct ThreeEntries<'a> {
        turns: u32,
        measured: &'a AtomicU32,
        taken: &'a AtomicU32,
    }

    impl Queue for ThreeEntries<'_> {
        async fn measure(&self) {
            self.measured.fetch_add(1, Ordering::Relaxed);
        }

        async fn turn(&mut self, stopping: &CancellationToken) -> Duration {
            self.turns += 1;
            self.taken.store(self.turns, Ordering::Relaxed);
            if self.turns < 3 {
                return Duration::ZERO;
            }
            stopping.cancel();
            Duration::from_secs(600)
        }
    }

    #[tokio::test]
    async fn turns_follow_at_once_where_there_is_more_and_end_when_they_are_stopped() {
        let (measured, taken) = (AtomicU32::new(0), AtomicU32::new(0));
        let begun = Instant::now();
        let queue = ThreeEntries {
            turns: 0,
            measured: &measured,
            taken: &taken,
        };
        take_turns(queue, &CancellationToken::new()).await;
        assert_eq!(taken.into_inner(), 3);
        assert_eq!(measured.into_inner(), 1);
        assert!(begun.elapsed() < MEASURED_EVERY);
    }
}
