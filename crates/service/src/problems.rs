//! What the services of a process say of the things that they need.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// By the name of the dependency; None: it is ready.
#[derive(Debug, Clone, Default)]
pub(crate) struct Problems(Arc<RwLock<BTreeMap<String, Option<String>>>>);

impl Problems {
    pub(crate) fn set(&self, name: &str, problem: Option<String>) {
        let mut problems = self.0.write().unwrap_or_else(PoisonError::into_inner);
        problems.insert(name.to_owned(), problem);
    }

    pub(crate) fn list(&self) -> BTreeMap<String, Option<String>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
