//! What was asked for last.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

/// Keeps the values of the keys that were asked for last, shared between requests.
pub(crate) struct RecentlyUsed<Key: Hash + Eq, Value>(Mutex<LruCache<Key, Arc<Value>>>);

impl<Key: Hash + Eq, Value> RecentlyUsed<Key, Value> {
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        Self(Mutex::new(LruCache::new(capacity)))
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Value>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).cloned()
    }

    pub(crate) fn insert(&self, key: Key, value: Arc<Value>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_goes_first() {
        let cache = RecentlyUsed::new(NonZeroUsize::MIN.saturating_add(1));
        cache.insert(1, Arc::new("one"));
        cache.insert(2, Arc::new("two"));
        assert!(cache.get(&1).is_some());
        cache.insert(3, Arc::new("three"));
        assert!(cache.get(&2).is_none());
        assert!(cache.get(&1).is_some() && cache.get(&3).is_some());
    }
}
