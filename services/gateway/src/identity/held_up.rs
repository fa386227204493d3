//! Who has to wait before the next attempt at a secret, as the database said a moment ago: whoever goes on guessing meanwhile costs
//! it neither a look nor a write.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// How long that is believed: another process may have let them in since.
const BELIEVED: Duration = Duration::from_secs(5);
/// Beyond so many, the database is asked each time.
const REMEMBERED: usize = 10_000;

/// Subjects of attempts, as hashes.
#[derive(Debug, Default)]
pub(super) struct HeldUp(Mutex<HashMap<[u8; 32], Held>>);

#[derive(Debug, Clone, Copy)]
struct Held {
    told: Instant,
    until: DateTime<Utc>,
}

impl Held {
    fn counts(self) -> bool {
        self.told.elapsed() < BELIEVED && self.until > Utc::now()
    }
}

impl HeldUp {
    /// Until when a subject waits, where that is known without asking.
    pub(super) fn until(&self, subject: &[u8; 32]) -> Option<DateTime<Utc>> {
        let held = self.lock().get(subject).copied();
        held.filter(|held| held.counts()).map(|held| held.until)
    }

    /// The database has said so.
    pub(super) fn note(&self, subject: [u8; 32], until: DateTime<Utc>) {
        let mut held = self.lock();
        if held.len() >= REMEMBERED {
            held.retain(|_, held| held.counts());
        }
        if held.len() < REMEMBERED {
            let told = Instant::now();
            held.insert(subject, Held { told, until });
        }
    }

    /// An attempt that was counted before has succeeded.
    pub(super) fn forget(&self, subject: &[u8; 32]) {
        self.lock().remove(subject);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn who_waits_is_known_until_it_is_over_or_forgotten() {
        let held = HeldUp::default();
        let later = Utc::now() + TimeDelta::hours(1);
        held.note([1; 32], later);
        held.note([2; 32], Utc::now() - TimeDelta::seconds(1));
        assert_eq!(held.until(&[1; 32]), Some(later));
        assert_eq!(held.until(&[2; 32]), None, "it is over");
        assert_eq!(held.until(&[3; 32]), None);
        held.forget(&[1; 32]);
        assert_eq!(held.until(&[1; 32]), None);
    }
}
