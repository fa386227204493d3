//! An outage of what the work stands on: the message is held and tried again, without being counted as an attempt.

use std::time::{Duration, Instant};

use crate::pauses::GrowingPause;

/// An error that may not be one of the infrastructure is believed for so long while every check passes.
const BELIEVED_FOR: Duration = Duration::from_secs(600);
/// Before a broker's own limit for unacknowledged messages (RabbitMQ: 30 minutes) the message is sent anew: a delivery
/// that the broker takes back would be counted.
const HELD_FOR: Duration = Duration::from_secs(900);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How long an outage has lasted for the message at hand.
#[derive(Debug)]
pub(super) struct Outage {
    began: Instant,
    pause: GrowingPause,
}

impl Outage {
    pub(super) fn begin() -> Self {
        Self {
            began: Instant::now(),
            pause: GrowingPause::new(FIRST_PAUSE, LONGEST_PAUSE),
        }
    }

    /// The pause before the next try, longer each time.
    pub(super) fn next_pause(&mut self) -> Duration {
        self.pause.grow()
    }

    pub(super) fn is_believed(&self, is_certain: bool) -> bool {
        is_certain || self.began.elapsed() < BELIEVED_FOR
    }

    pub(super) fn is_held_too_long(&self) -> bool {
        self.began.elapsed() >= HELD_FOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_waited_for_ever_longer_but_not_for_ever_on_a_guess() {
        let mut outage = Outage::begin();
        let pauses: Vec<u64> = (0..7).map(|_| outage.next_pause().as_millis() as u64).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
        assert!(outage.is_believed(false) && !outage.is_held_too_long());
        let long_ago = Instant::now().checked_sub(Duration::from_secs(3600)).unwrap();
        outage.began = long_ago;
        assert!(!outage.is_believed(false) && outage.is_believed(true));
        assert!(outage.is_held_too_long());
    }
}
