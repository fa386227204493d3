//! What was asked for last, kept in memory until its study is deleted.

use std::collections::HashSet;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use norma_domain::{AnalysisId, ScanId, Stage};

/// What a kept value is of: it goes with that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Scan(ScanId),
    Analysis(AnalysisId),
}

/// A key that tells what its value is of.
pub(crate) trait About {
    fn subject(&self) -> Subject;
}

impl About for ScanId {
    fn subject(&self) -> Subject {
        Subject::Scan(*self)
    }
}

impl About for AnalysisId {
    fn subject(&self) -> Subject {
        Subject::Analysis(*self)
    }
}

impl About for (AnalysisId, Stage) {
    fn subject(&self) -> Subject {
        Subject::Analysis(self.0)
    }
}

/// Keeps the values of the keys that were asked for last, shared between requests.
pub(crate) struct RecentlyUsed<Key: Hash + Eq, Value>(Arc<Mutex<LruCache<Key, Arc<Value>>>>);

impl<Key: Hash + Eq, Value> RecentlyUsed<Key, Value> {
    /// For [`crate::kept::Kept`] alone, which lets go of what is of deleted studies.
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(capacity))))
    }

    /// The same values once more.
    pub(crate) fn shared(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    fn values(&self) -> MutexGuard<'_, LruCache<Key, Arc<Value>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.values().get(key).cloned()
    }

    pub(crate) fn insert(&self, key: Key, value: Arc<Value>) {
        self.values().put(key, value);
    }
}

/// Values that can be let go of by what they are of.
pub(crate) trait Forgets: Send + Sync {
    fn subjects(&self) -> HashSet<Subject>;
    fn forget(&self, gone: &HashSet<Subject>);
}

impl<Key: About + Hash + Eq + Send, Value: Send + Sync> Forgets for RecentlyUsed<Key, Value> {
    fn subjects(&self) -> HashSet<Subject> {
        self.values().iter().map(|(key, _)| key.subject()).collect()
    }

    fn forget(&self, gone: &HashSet<Subject>) {
        let mut values = self.values();
        // No key can be copied out, and none removed while all are looked at: those that stay go in again, oldest first.
        let mut stay = Vec::with_capacity(values.len());
        while let Some((key, value)) = values.pop_lru() {
            if !gone.contains(&key.subject()) {
                stay.push((key, value));
            }
        }
        for (key, value) in stay {
            values.put(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

    #[test]
    fn the_longest_unused_goes_first() {
        let cache = RecentlyUsed::new(TWO);
        cache.insert(1, Arc::new("one"));
        cache.insert(2, Arc::new("two"));
        assert!(cache.get(&1).is_some());
        cache.insert(3, Arc::new("three"));
        assert!(cache.get(&2).is_none());
        assert!(cache.get(&1).is_some() && cache.get(&3).is_some());
    }

    #[test]
    fn what_is_of_a_deleted_study_goes_and_the_rest_keeps_its_order() {
        let cache = RecentlyUsed::new(TWO);
        let [one, other, third] = [ScanId::generate(), ScanId::generate(), ScanId::generate()];
        cache.insert(one, Arc::new("one"));
        cache.insert(other, Arc::new("other"));
        cache.forget(&HashSet::from([Subject::Scan(third)]));
        assert_eq!(cache.subjects().len(), 2);
        cache.insert(third, Arc::new("third"));
        assert!(cache.get(&one).is_none(), "the longest unused");
        cache.forget(&HashSet::from([Subject::Scan(other)]));
        assert_eq!(cache.subjects(), HashSet::from([Subject::Scan(third)]));
    }
}
