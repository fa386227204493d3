//! When a study is complete: nothing has come of it for a while, and what brought it has ended.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use norma_dicom_network::{AeTitle, AssociationId};
use norma_dicom_spool::StudyKey;

/// Studies that may get more instances.
#[derive(Debug, Default)]
pub(super) struct Arrivals(Mutex<HashMap<StudyKey, Arrival>>);

#[derive(Debug)]
struct Arrival {
    last: Instant,
    /// When something of it came first and last, by the clock that people have.
    first_at: SystemTime,
    last_at: SystemTime,
    /// Who brought something of it.
    callers: BTreeSet<AeTitle>,
    /// More of it was asked for, as it was looked at last.
    is_awaited: bool,
    /// Open ones that brought something of it.
    associations: HashSet<AssociationId>,
}

/// A study that comes, as people are told of it.
#[derive(Debug, Clone)]
pub(super) struct Arriving {
    pub(super) study: StudyKey,
    pub(super) first_at: SystemTime,
    pub(super) last_at: SystemTime,
    pub(super) callers: BTreeSet<AeTitle>,
    /// An association that brought something of it is open.
    pub(super) is_open: bool,
    /// More of it was asked for.
    pub(super) is_awaited: bool,
}

impl Arrivals {
    /// A peer that keeps its association open for its next studies, or does not send what was asked for, holds none up for longer than so
    /// many quiet periods.
    pub(super) const OPEN_TIMES: u32 = 10;

    /// Something of a study is here; `by`: who brought it now, over which association.
    pub(super) fn came(&self, study: StudyKey, by: Option<(&AeTitle, AssociationId)>) {
        let mut studies = self.studies();
        let (now, at) = (Instant::now(), SystemTime::now());
        let arrival = studies.entry(study).or_insert_with(|| Arrival {
            last: now,
            first_at: at,
            last_at: at,
            callers: BTreeSet::new(),
            is_awaited: false,
            associations: HashSet::new(),
        });
        (arrival.last, arrival.last_at) = (now, at);
        if let Some((calling, association)) = by {
            arrival.associations.insert(association);
            if !arrival.callers.contains(calling) {
                arrival.callers.insert(calling.clone());
            }
        }
    }

    /// All that comes.
    pub(super) fn list(&self) -> Vec<Arriving> {
        let studies = self.studies();
        let all = studies.iter().map(|(study, arrival)| Arriving {
            study: study.clone(),
            first_at: arrival.first_at,
            last_at: arrival.last_at,
            callers: arrival.callers.clone(),
            is_open: !arrival.associations.is_empty(),
            is_awaited: arrival.is_awaited,
        });
        all.collect()
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
        let mut studies = self.studies();
        let is_complete = |study: &StudyKey, arrival: &mut Arrival| {
            let silence = arrival.last.elapsed();
            let longest = quiet.saturating_mul(Self::OPEN_TIMES);
            arrival.is_awaited = is_awaited(study);
            let is_open = !arrival.associations.is_empty() || arrival.is_awaited;
            silence >= quiet && (!is_open || silence >= longest)
        };
        let all = studies.iter_mut();
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
