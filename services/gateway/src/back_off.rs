//! Pauses between attempts at a system that is away.

use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// Twice as long each time, a fifth more or less, so that gateways do not come all at once.
pub(crate) fn back_off(attempts: u32, longest: Duration) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(longest);
    pause.mul_f64(rand::random_range(0.8..=1.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        for (attempts, seconds) in [
            (0, 2.0),
            (1, 2.0),
            (2, 4.0),
            (5, 32.0),
            (9, 512.0),
            (10, 900.0),
            (u32::MAX, 900.0),
        ] {
            for _ in 0..100 {
                let pause = back_off(attempts, Duration::from_secs(900)).as_secs_f64();
                assert!(
                    (seconds * 0.79..seconds * 1.21).contains(&pause),
                    "{attempts}: {pause}"
                );
            }
        }
    }
}
