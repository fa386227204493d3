//! Places that everybody shares and nobody takes all of. Who waits for one is served by what it has used so far: a flood
//! of costly uploads keeps its sender waiting, not the others.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// What identities have used is forgotten beyond so many of them.
const HOLDERS_REMEMBERED: usize = 1000;

/// Holders are told apart by `K`; where it is None nobody is told apart, and nobody is held back.
#[derive(Debug)]
pub(crate) struct Places<K: Holder>(Arc<Mutex<State<K>>>);

/// What tells holders apart.
pub(crate) trait Holder: Clone + Eq + Hash + Send + 'static {}
impl<K: Clone + Eq + Hash + Send + 'static> Holder for K {}

impl<K: Holder> Clone for Places<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct State<K: Holder> {
    free: usize,
    most_per_holder: usize,
    most_waiting_per_holder: usize,
    taken: HashMap<K, usize>,
    /// Time that holders have held places, at least that of whoever was served last when they came.
    used: HashMap<K, Duration>,
    served: Duration,
    waiting: Vec<Waiting<K>>,
}

#[derive(Debug)]
struct Waiting<K: Holder> {
    holder: Option<K>,
    turn: oneshot::Sender<Seat<K>>,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Seat<K: Holder> {
    holder: Option<K>,
    since: Instant,
    places: Places<K>,
}

impl<K: Holder> Places<K> {
    /// So many places, of which one holder may take and wait for so many.
    pub(crate) fn new(count: usize, most_per_holder: usize, most_waiting_per_holder: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free: count,
            most_per_holder: most_per_holder.clamp(1, count.max(1)),
            most_waiting_per_holder,
            taken: HashMap::new(),
            used: HashMap::new(),
            served: Duration::ZERO,
            waiting: Vec::new(),
        })))
    }

    /// Whether the holder could take a place now.
    pub(crate) fn has_one_for(&self, holder: Option<&K>) -> bool {
        self.state().may_take(holder)
    }

    /// A place, where one is free and the holder has not taken as many as it may.
    pub(crate) fn try_take(&self, holder: Option<&K>) -> Option<Seat<K>> {
        let mut state = self.state();
        let may = state.may_take(holder);
        may.then(|| self.seat(&mut state, holder.cloned()))
    }

    /// A place, waited for. None at once where the holder waits for as many as it may.
    pub(crate) async fn take(&self, holder: Option<&K>) -> Option<Seat<K>> {
        let (turn, told) = oneshot::channel();
        {
            let mut state = self.state();
            // Who does not wait any more is not counted.
            state.waiting.retain(|waiting| !waiting.turn.is_closed());
            if let Some(owner) = holder {
                let own = state
                    .waiting
                    .iter()
                    .filter(|waiting| waiting.holder.as_ref() == holder);
                if own.count() >= state.most_waiting_per_holder {
                    return None;
                }
                let served = state.served;
                let used = state.used.entry(owner.clone()).or_default();
                *used = served.max(*used);
            }
            state.waiting.push(Waiting {
                holder: holder.cloned(),
                turn,
            });
        }
        self.serve();
        told.await.ok()
    }

    /// Gives free places to those who wait: of those who may have one, whoever has used least; of these, who came first.
    fn serve(&self) {
        loop {
            let (turn, seat) = {
                let mut state = self.state();
                let next = (0..state.waiting.len())
                    .filter(|index| state.may_take(state.waiting[*index].holder.as_ref()))
                    .min_by_key(|index| state.used_by(state.waiting[*index].holder.as_ref()));
                let Some(index) = next else {
                    return;
                };
                let Waiting { holder, turn } = state.waiting.remove(index);
                state.served = state.served.max(state.used_by(holder.as_ref()));
                (turn, self.seat(&mut state, holder))
            };
            // Who does not wait any more gives the place back at once, out of the lock.
            drop(turn.send(seat));
        }
    }

    fn seat(&self, state: &mut State<K>, holder: Option<K>) -> Seat<K> {
        state.free -= 1;
        if let Some(owner) = &holder {
            *state.taken.entry(owner.clone()).or_default() += 1;
        }
        Seat {
            holder,
            since: Instant::now(),
            places: self.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        // Nothing in the lock panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Holder> State<K> {
    fn may_take(&self, holder: Option<&K>) -> bool {
        let taken = holder.and_then(|owner| self.taken.get(owner));
        self.free > 0 && taken.is_none_or(|taken| *taken < self.most_per_holder)
    }

    fn used_by(&self, holder: Option<&K>) -> Duration {
        let used = holder.and_then(|owner| self.used.get(owner));
        used.copied().unwrap_or(self.served)
    }

    fn give_back(&mut self, holder: Option<&K>, held: Duration) {
        self.free += 1;
        let Some(owner) = holder else { return };
        if let Some(taken) = self.taken.get_mut(owner) {
            *taken -= 1;
            if *taken == 0 {
                self.taken.remove(owner);
            }
        }
        let used = self.used.entry(owner.clone()).or_default();
        *used = used.saturating_add(held);
        if self.used.len() > HOLDERS_REMEMBERED {
            let served = self.served;
            self.used.retain(|_, used| *used > served);
        }
    }
}

impl<K: Holder> Drop for Seat<K> {
    fn drop(&mut self) {
        let held = self.since.elapsed();
        self.places.state().give_back(self.holder.as_ref(), held);
        self.places.serve();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_every_place() {
        let places = Places::new(3, 2, 9);
        let first = places.try_take(Some(&"flood")).unwrap();
        let _second = places.try_take(Some(&"flood")).unwrap();
        assert!(places.try_take(Some(&"flood")).is_none());
        let _other = places.try_take(Some(&"clinic")).unwrap();
        assert!(places.try_take(Some(&"third")).is_none(), "none is free");
        drop(first);
        assert!(places.try_take(Some(&"flood")).is_some());
        let alone = Places::<&str>::new(2, 1, 9);
        let _all = (alone.try_take(None).unwrap(), alone.try_take(None).unwrap());
    }

    #[tokio::test]
    async fn who_has_used_least_comes_next() {
        let places = Places::new(1, 1, 9);
        let order = Arc::new(Mutex::new(Vec::new()));
        let held = places.take(Some(&"flood")).await.unwrap();
        let mut waiting = Vec::new();
        for name in ["flood", "flood", "flood", "clinic"] {
            let (places, order) = (places.clone(), Arc::clone(&order));
            waiting.push(tokio::spawn(async move {
                let seat = places.take(Some(&name)).await.unwrap();
                order.lock().unwrap().push(name);
                tokio::time::sleep(Duration::from_millis(5)).await;
                drop(seat);
            }));
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(held);
        for task in waiting {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["clinic", "flood", "flood", "flood"]);
    }

    #[tokio::test]
    async fn who_gives_up_waiting_keeps_no_place() {
        let places = Places::new(1, 1, 1);
        let held = places.take(Some(&"one")).await.unwrap();
        for _ in 0..3 {
            let gone = tokio::time::timeout(Duration::from_millis(5), places.take(Some(&"two"))).await;
            assert!(gone.is_err());
        }
        drop(held);
        assert!(places.try_take(Some(&"three")).is_some());
    }

    #[tokio::test]
    async fn nobody_waits_for_more_than_its_share() {
        let places = Places::new(1, 1, 1);
        let _held = places.take(Some(&"flood")).await.unwrap();
        let queued = places.clone();
        let waiting = tokio::spawn(async move { queued.take(Some(&"flood")).await.is_some() });
        tokio::task::yield_now().await;
        assert!(places.take(Some(&"flood")).await.is_none());
        waiting.abort();
    }
}
