//! A small cache of what was asked for last.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps the values of the keys that were asked for last. For a handful of entries: looks at each.
pub(crate) struct RecentlyUsed<Key, Value> {
    capacity: usize,
    /// The last one used comes first.
    entries: Mutex<VecDeque<(Key, Arc<Value>)>>,
}

impl<Key: PartialEq, Value> RecentlyUsed<Key, Value> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            entries: Mutex::new(VecDeque::with_capacity(capacity + 1)),
        }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Value>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let position = entries.iter().position(|(known, _)| known == key)?;
        let entry = entries.remove(position)?;
        let value = Arc::clone(&entry.1);
        entries.push_front(entry);
        Some(value)
    }

    pub(crate) fn insert(&self, key: Key, value: Arc<Value>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|(known, _)| *known != key);
        entries.push_front((key, value));
        entries.truncate(self.capacity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_goes_first() {
        let cache = RecentlyUsed::new(2);
        cache.insert(1, Arc::new("one"));
        cache.insert(2, Arc::new("two"));
        assert!(cache.get(&1).is_some());
        cache.insert(3, Arc::new("three"));
        assert!(cache.get(&2).is_none());
        assert!(cache.get(&1).is_some() && cache.get(&3).is_some());
    }
}
