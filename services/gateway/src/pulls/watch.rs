//! What comes of studies that are pulled: how much of each is here, of how much, and which are here as earlier studies of a patient alone.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use norma_dicom_network::AeTitle;
use norma_dicom_spool::{Standing, StudyKey};

/// Watches over the studies that this process pulls.
#[derive(Debug)]
pub(crate) struct PullWatch {
    /// The title of this node.
    own: AeTitle,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    watched: HashMap<StudyKey, Vec<Watched>>,
    /// Earlier studies of which more may come, though nobody is at them now, with who sends them.
    awaited: HashMap<StudyKey, HashSet<AeTitle>>,
    /// Studies that were asked for and are not all here.
    unfinished: HashSet<StudyKey>,
    /// What is known of those, given up or not, of how many instances they have.
    counts: HashMap<StudyKey, Count>,
}

#[derive(Debug, Default)]
struct Count {
    /// That the archive has, as it says.
    of_archive: Option<u32>,
    /// Results of Norma's own among those, by SOP Instance UIDs: they came and are not kept.
    returned: HashSet<String>,
    /// Something of it has come.
    has_come: bool,
}

/// How many instances of a study that was asked for its archive has. Results of Norma's own are not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OfArchive {
    /// None where it does not say.
    pub(crate) instances: Option<u32>,
}

#[derive(Debug)]
struct Watched {
    number: u64,
    is_prior: bool,
    title: AeTitle,
    /// SOP Instance UIDs that are here.
    came: HashSet<String>,
}

impl PullWatch {
    pub(crate) fn new(own: AeTitle) -> Self {
        Self {
            own,
            state: Mutex::default(),
        }
    }

    /// An instance was taken.
    pub(crate) fn came(&self, study: &StudyKey, sop_instance_uid: &str) {
        let mut state = self.state();
        let State { watched, counts, .. } = &mut *state;
        for watched in watched.get_mut(study).into_iter().flatten() {
            watched.came.insert(sop_instance_uid.to_owned());
            // Of one that nobody pulls, what comes says nothing of the pull.
            if let Some(count) = counts.get_mut(study) {
                count.has_come = true;
            }
        }
    }

    /// A result of Norma's own was sent back: the archive counts it among what it has sent.
    pub(crate) fn returned(&self, study: &StudyKey, sop_instance_uid: &str) {
        self.came(study, sop_instance_uid);
        if let Some(count) = self.state().counts.get_mut(study) {
            count.returned.insert(sop_instance_uid.to_owned());
        }
    }

    /// What is known of how much its archive has of a study; None where it was not asked for, all of it has come, or nothing has and
    /// the archive says nothing.
    pub(crate) fn of_archive(&self, study: &StudyKey) -> Option<OfArchive> {
        let state = self.state();
        let count = state.counts.get(study)?;
        let returned = u32::try_from(count.returned.len()).unwrap_or(u32::MAX);
        let instances = count.of_archive.map(|all| all.saturating_sub(returned));
        (count.has_come || instances.is_some()).then_some(OfArchive { instances })
    }

    /// An archive says how many instances of a study it has; what it said before holds where that is more, or it says nothing.
    pub(super) fn expect(&self, study: &StudyKey, instances: Option<u32>) {
        let mut state = self.state();
        let count = state.counts.entry(study.clone()).or_default();
        count.of_archive = count.of_archive.max(instances);
    }

    /// Why an instance is here that this peer brings.
    pub(crate) fn standing(
        &self,
        study: &StudyKey,
        calling: &AeTitle,
        move_originator: Option<&AeTitle>,
    ) -> Standing {
        let state = self.state();
        let is_sent = |title: &AeTitle| title == calling || move_originator == Some(&self.own);
        let watched = state.watched.get(study).map(Vec::as_slice).unwrap_or_default();
        let is_wanted = watched.iter().any(|watched| !watched.is_prior);
        let is_pulled = watched.iter().any(|watched| is_sent(&watched.title));
        let awaited = state.awaited.get(study);
        let is_awaited = awaited.is_some_and(|titles| titles.iter().any(is_sent));
        if !is_wanted && (is_pulled || is_awaited) {
            Standing::Prior
        } else {
            Standing::Sent
        }
    }

    /// Whether more of a study may come because it was asked for.
    pub(crate) fn is_unfinished(&self, study: &StudyKey) -> bool {
        self.state().unfinished.contains(study)
    }

    /// A study that was asked for before this process began. `has_come`: whether something of it has.
    pub(super) fn await_study(&self, study: &StudyKey, instances: Option<u32>, has_come: bool) {
        self.expect(study, instances);
        let mut state = self.state();
        state.unfinished.insert(study.clone());
        state.counts.entry(study.clone()).or_default().has_come |= has_come;
    }

    /// Nothing more comes of a study, though it is not all here.
    pub(super) fn give_up(&self, study: &StudyKey) {
        self.state().unfinished.remove(study);
    }

    /// An earlier study that was asked for before this process began.
    pub(super) fn await_prior(&self, study: StudyKey, title: AeTitle) {
        self.state().awaited.entry(study).or_default().insert(title);
    }

    pub(super) fn begin(self: &Arc<Self>, study: StudyKey, title: AeTitle, is_prior: bool) -> Watching {
        let mut state = self.state();
        state.last += 1;
        let number = state.last;
        state.unfinished.insert(study.clone());
        state.watched.entry(study.clone()).or_default().push(Watched {
            number,
            is_prior,
            title,
            came: HashSet::new(),
        });
        drop(state);
        Watching {
            watch: Arc::clone(self),
            study,
            number,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A study that is being pulled; until this is dropped.
pub(super) struct Watching {
    watch: Arc<PullWatch>,
    study: StudyKey,
    number: u64,
}

impl Watching {
    /// Instances of it that came so far, each once.
    pub(super) fn instances(&self) -> usize {
        let state = self.watch.state();
        let watched = state.watched.get(&self.study).into_iter().flatten();
        let mut own = watched.filter(|watched| watched.number == self.number);
        own.next().map_or(0, |watched| watched.came.len())
    }

    /// All of it is here: what comes of it now is somebody's who sends it.
    pub(super) fn is_whole(&self) {
        let mut state = self.watch.state();
        state.awaited.remove(&self.study);
        state.unfinished.remove(&self.study);
        state.counts.remove(&self.study);
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut state = self.watch.state();
        let Some(watched) = state.watched.get_mut(&self.study) else {
            return;
        };
        watched.retain(|watched| watched.number != self.number);
        if watched.is_empty() {
            state.watched.remove(&self.study);
        }
    }
}

#[cfg(test)]
mod tests {
    use norma_domain::StudyInstanceUid;

    use super::*;

    #[test]
    fn an_earlier_study_is_one_only_from_who_was_asked_for_it() {
        let title = |text: &str| text.parse::<AeTitle>().unwrap();
        let key = |uid: &str| StudyKey::of(&StudyInstanceUid::new(uid).unwrap());
        let watch = Arc::new(PullWatch::new(title("NORMA")));
        let (archive, scanner, router) = (title("ARCHIVE"), title("CT1"), title("ROUTER"));
        let own = title("NORMA");
        let standing = |calling: &AeTitle, originator| watch.standing(&key("1.2"), calling, originator);
        assert_eq!(standing(&archive, None), Standing::Sent);
        watch.await_prior(key("1.2"), archive.clone());
        let prior = watch.begin(key("1.2"), archive.clone(), true);
        assert_eq!(standing(&archive, None), Standing::Prior);
        assert_eq!(standing(&router, Some(&own)), Standing::Prior, "by another title");
        assert_eq!(standing(&scanner, None), Standing::Sent);
        assert_eq!(standing(&router, Some(&scanner)), Standing::Sent);
        assert_eq!(
            watch.standing(&key("1.3"), &archive, None),
            Standing::Sent,
            "another study"
        );
        let asked = watch.begin(key("1.2"), archive.clone(), false);
        assert_eq!(standing(&archive, None), Standing::Sent, "somebody asked for it");
        watch.came(&key("1.2"), "1");
        watch.came(&key("1.2"), "1");
        watch.came(&key("1.2"), "2");
        assert_eq!((asked.instances(), prior.instances()), (2, 2));
        drop(asked);
        drop(prior);
        assert!(watch.is_unfinished(&key("1.2")) && !watch.is_unfinished(&key("1.3")));
        assert_eq!(standing(&archive, None), Standing::Prior, "more of it may come");
        watch.begin(key("1.2"), archive.clone(), true).is_whole();
        assert!(!watch.is_unfinished(&key("1.2")));
        assert_eq!(standing(&archive, None), Standing::Sent);
    }

    #[test]
    fn what_an_archive_counts_is_known_until_all_of_it_has_come() {
        let title: AeTitle = "ARCHIVE".parse().unwrap();
        let key = StudyKey::of(&StudyInstanceUid::new("1.2").unwrap());
        let watch = Arc::new(PullWatch::new("NORMA".parse().unwrap()));
        watch.came(&key, "0");
        assert_eq!(watch.of_archive(&key), None, "nobody asked for it");
        let first = watch.begin(key.clone(), title.clone(), false);
        watch.expect(&key, None);
        assert_eq!(watch.of_archive(&key), None, "nothing has come");
        watch.came(&key, "1");
        assert_eq!(watch.of_archive(&key), Some(OfArchive { instances: None }));
        watch.expect(&key, Some(7));
        watch.returned(&key, "8");
        watch.returned(&key, "8");
        watch.expect(&key, Some(5));
        assert_eq!(watch.of_archive(&key), Some(OfArchive { instances: Some(6) }));
        drop(first);
        watch.give_up(&key);
        assert_eq!(watch.of_archive(&key), Some(OfArchive { instances: Some(6) }));
        watch.begin(key.clone(), title, false).is_whole();
        assert_eq!(watch.of_archive(&key), None);
    }
}
