//! Work that comes again until a process ends, with pauses between.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Waits so long; says whether it did, and was not stopped before.
pub async fn pause(time: Duration, stopping: &CancellationToken) -> bool {
    stopping.run_until_cancelled(sleep(time)).await.is_some()
}

/// Does some work at once and again after each interval, until `stopping`. Work that began is finished: what takes long looks at
/// `stopping` itself.
pub async fn repeat<Work: Future<Output = ()>>(
    interval: Duration,
    stopping: &CancellationToken,
    work: impl Fn() -> Work,
) {
    loop {
        work().await;
        if !pause(interval, stopping).await {
            return;
        }
    }
}

/// Pauses that double from one to the next.
#[derive(Debug, Clone)]
pub(crate) struct GrowingPause {
    next: Duration,
    longest: Duration,
}

impl GrowingPause {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    /// The pause before the next try.
    pub(crate) fn grow(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn work_is_repeated_until_it_is_stopped() {
        let stopping = CancellationToken::new();
        let interval = Duration::from_millis(20);
        let begun = Instant::now();
        let times = Cell::new(0);
        repeat(interval, &stopping, || async {
            times.set(times.get() + 1);
            if times.get() == 3 {
                stopping.cancel();
            }
        })
        .await;
        assert_eq!(times.get(), 3);
        assert!(begun.elapsed() >= 2 * interval);
        let long = Duration::from_secs(600);
        assert!(!pause(long, &stopping).await);
        assert!(begun.elapsed() < long, "no pause once it is stopped");
    }

    #[test]
    fn pauses_double_to_a_limit() {
        let mut growing = GrowingPause::new(Duration::from_millis(500), Duration::from_secs(15));
        let pauses: Vec<u128> = (0..7).map(|_| growing.grow().as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
    }
}
