//! When a study is complete: nothing has come of it for a while, and what brought it has ended.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use norma_dicom_network::AssociationId;
use norma_dicom_spool::StudyKey;

/// A peer that keeps its association open for its next studies, or does not send what was asked for, holds none up for longer than so
/// many quiet periods.
const OPEN_TIMES: u32 = 10;

/// Studies that may get more instances.
#[derive(Debug, Default)]
pub(super) struct Arrivals(Mutex<HashMap<StudyKey, Arrival>>);

#[derive(Debug)]
struct Arrival {
    last: Instant,
    /// Open ones that brought something of it.
    associations: HashSet<AssociationId>,
}

impl Arrivals {
    /// Something of a study is here; `association` brought it now.
    pub(super) fn came(&self, study: StudyKey, association: Option<AssociationId>) {
        let mut studies = self.studies();
        let arrival = studies.entry(study).or_insert_with(|| Arrival {
            last: Instant::now(),
            associations: HashSet::new(),
        });
        arrival.last = Instant::now();
        arrival.associations.extend(association);
    }

    pub(super) fn ended(&self, association: AssociationId) {
        for arrival in self.studies().values_mut() {
            arrival.associations.remove(&association);
        }
    }

    /// Every study, with when something of it came last and whether it is complete by that. `is_awaited`: whether more of one was asked
    /// for.
    pub(super) fn all(
        &self,
        quiet: Duration,
        is_awaited: impl Fn(&StudyKey) -> bool,
    ) -> Vec<(StudyKey, Instant, bool)> {
        let studies = self.studies();
        let is_complete = |study: &StudyKey, arrival: &Arrival| {
            let silence = arrival.last.elapsed();
            let longest = quiet.saturating_mul(OPEN_TIMES);
            let is_open = !arrival.associations.is_empty() || is_awaited(study);
            silence >= quiet && (!is_open || silence >= longest)
        };
        let all = studies.iter();
        all.map(|(study, arrival)| (study.clone(), arrival.last, is_complete(study, arrival)))
            .collect()
    }

    /// Ends the waiting for a study, unless something has come since.
    pub(super) fn end(&self, study: &StudyKey, last: Instant) -> bool {
        let mut studies = self.studies();
        let is_so = studies.get(study).is_some_and(|arrival| arrival.last == last);
        if is_so {
            studies.remove(study);
        }
        is_so
    }

    pub(super) fn count(&self) -> usize {
        self.studies().len()
    }

    fn studies(&self) -> MutexGuard<'_, HashMap<StudyKey, Arrival>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
