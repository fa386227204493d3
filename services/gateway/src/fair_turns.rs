//! Whose read is answered next. Whoever has kept the gateway busy of late gives way to those who have not: a flood is answered in their
//! pauses, and they do not notice it. Who is alone is answered as fast as ever.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Clients are forgotten beyond so many, those first that are not busy.
const CLIENTS_KEPT: usize = 10_000;
/// What was used so long ago counts a third of what is used now.
const FADES_IN: Duration = Duration::from_secs(2);

/// How turns are given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TurnRules {
    /// Reads of a client side by side.
    most: usize,
    /// The same of one that is busy.
    most_of_busy: usize,
    /// A client is busy that has been answered for so long within about [`FADES_IN`], all its reads together.
    busy_after: Duration,
    /// So long after its last answer a client is waited for: who asks for one slice after the other has all of them undisturbed.
    lingers: Duration,
    /// Nobody gives way to others for longer than this.
    patience: Duration,
    /// Nor waits for longer than this behind reads of its own, of which one may take long.
    own_patience: Duration,
    /// Reads of a client that wait; more are refused.
    most_waiting: usize,
}

impl Default for TurnRules {
    fn default() -> Self {
        Self {
            most: 32,
            most_of_busy: available_parallelism().map_or(1, Into::into),
            busy_after: Duration::from_secs(1),
            lingers: Duration::from_millis(5),
            patience: Duration::from_millis(250),
            own_patience: Duration::from_secs(2),
            most_waiting: 256,
        }
    }
}

/// Shared by all threads that answer.
#[derive(Debug, Clone)]
pub(crate) struct FairTurns {
    rules: TurnRules,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    clients: HashMap<String, Client>,
    /// In the order that they came.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Client {
    answering: usize,
    used: Duration,
    /// When `used` was reckoned, and an answer ended last.
    at: Instant,
}

#[derive(Debug)]
struct Waiting {
    client: String,
    since: Instant,
    turn: oneshot::Sender<Turn>,
}

/// By whom a request counts: in its extensions.
#[derive(Debug, Clone)]
pub(crate) struct CountedAs(pub(crate) String);

/// A read that is being answered, until this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    client: String,
    since: Instant,
    turns: FairTurns,
}

impl FairTurns {
    pub(crate) fn new(rules: TurnRules) -> Self {
        Self {
            rules,
            state: Arc::default(),
        }
    }

    /// Waits for the client's turn. None at once where it waits for as many as it may.
    pub(crate) async fn take(&self, client: &str) -> Option<Turn> {
        let told = {
            let now = Instant::now();
            let mut state = self.state();
            // Who does not wait any more is not counted.
            state.waiting.retain(|waiting| !waiting.turn.is_closed());
            let own = state.waiting.iter().filter(|waiting| waiting.client == client);
            let own = own.count();
            // Whoever waits already is before it.
            if own == 0 && state.may_begin(&self.rules, client, now, now) {
                return Some(self.turn(&mut state, client.to_owned(), now));
            }
            if own >= self.rules.most_waiting {
                return None;
            }
            let (turn, told) = oneshot::channel();
            state.waiting.push_back(Waiting {
                client: client.to_owned(),
                since: now,
                turn,
            });
            told
        };
        self.serve_in(self.rules.patience);
        self.serve_in(self.rules.own_patience);
        told.await.ok()
    }

    /// Waits, between two pieces of a long work of a client, until nobody is answered who is not busy, but no longer than `longest`.
    pub(crate) async fn give_way(&self, client: &str, longest: Duration) {
        let until = Instant::now() + longest;
        loop {
            let now = Instant::now();
            let is_in_the_way = self.state().is_answering_another(&self.rules, client, now);
            if !is_in_the_way || now >= until {
                return;
            }
            tokio::time::sleep((until - now).min(self.rules.lingers)).await;
        }
    }

    /// Gives turns to those who wait and may have one, in the order that they came.
    fn serve(&self) {
        let mut given = Vec::new();
        {
            let now = Instant::now();
            let mut state = self.state();
            let mut index = 0;
            while let Some(Waiting { client, since, turn }) = state.waiting.get(index) {
                if turn.is_closed() {
                    state.waiting.remove(index);
                } else if state.may_begin(&self.rules, client, *since, now) {
                    if let Some(next) = state.waiting.remove(index) {
                        let turn = self.turn(&mut state, next.client, now);
                        given.push((next.turn, turn));
                    }
                } else {
                    index += 1;
                }
            }
        }
        // Out of the lock: who does not wait any more gives the turn back at once.
        for (told, turn) in given {
            drop(told.send(turn));
        }
    }

    fn serve_in(&self, pause: Duration) {
        let turns = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            turns.serve();
        });
    }

    fn turn(&self, state: &mut State, client: String, now: Instant) -> Turn {
        state.begin(&client, now);
        Turn {
            client,
            since: now,
            turns: self.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in the lock panics half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    fn used(&self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.at);
        self.used
            .mul_f64((-passed.as_secs_f64() / FADES_IN.as_secs_f64()).exp())
    }

    fn is_busy(&self, rules: &TurnRules, now: Instant) -> bool {
        self.used(now) >= rules.busy_after
    }
}

impl State {
    /// Whether a read of the client that has waited since then may be answered now.
    fn may_begin(&self, rules: &TurnRules, client: &str, since: Instant, now: Instant) -> bool {
        let Some(known) = self.clients.get(client) else {
            return true;
        };
        if !known.is_busy(rules, now) {
            return known.answering < rules.most;
        }
        let waited = now.saturating_duration_since(since);
        let most = if waited < rules.own_patience {
            rules.most_of_busy.max(1)
        } else {
            rules.most
        };
        known.answering < most && (waited >= rules.patience || !self.is_answering_another(rules, client, now))
    }

    /// Whether anybody else is answered, or was a moment ago, who is not busy.
    fn is_answering_another(&self, rules: &TurnRules, client: &str, now: Instant) -> bool {
        self.clients.iter().any(|(name, other)| {
            let is_here = other.answering > 0 || now.saturating_duration_since(other.at) < rules.lingers;
            name != client && is_here && !other.is_busy(rules, now)
        })
    }

    fn begin(&mut self, client: &str, now: Instant) {
        if self.clients.len() >= CLIENTS_KEPT {
            self.clients
                .retain(|_, known| known.answering > 0 || known.used(now) > Duration::from_millis(10));
        }
        let known = self.clients.entry(client.to_owned()).or_insert(Client {
            answering: 0,
            used: Duration::ZERO,
            at: now,
        });
        known.answering += 1;
    }

    fn end(&mut self, client: &str, since: Instant, now: Instant) {
        if let Some(known) = self.clients.get_mut(client) {
            known.answering = known.answering.saturating_sub(1);
            known.used = known.used(now) + now.saturating_duration_since(since);
            known.at = now;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let has_waiting = {
            let mut state = self.turns.state();
            state.end(&self.client, self.since, Instant::now());
            !state.waiting.is_empty()
        };
        if has_waiting {
            self.turns.serve();
            // Whoever gave way to this client goes on when no further read of it comes.
            self.turns.serve_in(self.turns.rules.lingers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Duration = Duration::from_secs(3600);

    fn turns(change: impl FnOnce(&mut TurnRules)) -> FairTurns {
        let mut rules = TurnRules {
            most: 4,
            most_of_busy: 1,
            busy_after: Duration::from_secs(1),
            lingers: Duration::ZERO,
            patience: NEVER,
            own_patience: NEVER,
            most_waiting: 8,
        };
        change(&mut rules);
        FairTurns::new(rules)
    }

    /// It has kept the gateway busy.
    fn make_busy(turns: &FairTurns, client: &str) {
        let now = Instant::now();
        let mut state = turns.state();
        state.begin(client, now);
        state.end(client, now - Duration::from_secs(100), now);
    }

    async fn is_waiting(turns: &FairTurns, client: &str) -> bool {
        tokio::time::timeout(Duration::from_millis(20), turns.take(client))
            .await
            .is_err()
    }

    #[tokio::test]
    async fn who_was_busy_gives_way_to_who_was_not_and_goes_on_in_the_pauses() {
        let turns = turns(|_| {});
        make_busy(&turns, "flood");
        let clinician = turns.take("clinician").await.unwrap();
        let waits = tokio::spawn({
            let turns = turns.clone();
            async move { turns.take("flood").await.is_some() }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!waits.is_finished());
        // The clinician's next read is not behind it.
        drop(turns.take("clinician").await.unwrap());
        assert!(!waits.is_finished());
        drop(clinician);
        assert!(waits.await.unwrap());
        // Nor does one that began before hold the clinician up.
        let _flood = turns.take("flood").await.unwrap();
        drop(turns.take("clinician").await.unwrap());
    }

    #[tokio::test]
    async fn one_that_is_busy_has_one_read_at_a_time_and_others_have_several() {
        let turns = turns(|_| {});
        make_busy(&turns, "flood");
        let first = turns.take("flood").await.unwrap();
        assert!(is_waiting(&turns, "flood").await);
        let clinician: Vec<_> = futures::future::join_all((0..4).map(|_| turns.take("clinician"))).await;
        assert_eq!(clinician.iter().flatten().count(), 4);
        assert!(is_waiting(&turns, "clinician").await);
        drop((first, clinician));
        assert!(!is_waiting(&turns, "flood").await);
    }

    #[tokio::test]
    async fn the_busy_ones_do_not_give_way_to_one_another() {
        let turns = turns(|_| {});
        make_busy(&turns, "one");
        make_busy(&turns, "two");
        let _one = turns.take("one").await.unwrap();
        assert!(!is_waiting(&turns, "two").await);
    }

    #[tokio::test]
    async fn nobody_gives_way_for_ever() {
        let turns = turns(|rules| rules.patience = Duration::from_millis(10));
        make_busy(&turns, "flood");
        let _clinician = turns.take("clinician").await.unwrap();
        let flood = tokio::time::timeout(Duration::from_secs(30), turns.take("flood")).await;
        assert!(flood.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_long_read_keeps_ones_other_reads_no_longer_than_a_while() {
        let turns = turns(|rules| rules.own_patience = Duration::from_millis(10));
        make_busy(&turns, "viewer");
        let _long = turns.take("viewer").await.unwrap();
        let short = tokio::time::timeout(Duration::from_secs(30), turns.take("viewer")).await;
        assert!(short.unwrap().is_some());
    }

    #[tokio::test]
    async fn who_asks_for_one_after_the_other_is_waited_for_a_moment() {
        let turns = turns(|rules| rules.lingers = NEVER);
        make_busy(&turns, "flood");
        // It lingers itself: that is nobody's business.
        drop(turns.take("flood").await.unwrap());
        drop(turns.take("clinician").await.unwrap());
        assert!(is_waiting(&turns, "flood").await);
    }

    #[tokio::test]
    async fn nobody_waits_with_more_than_its_share_and_who_gives_up_is_forgotten() {
        let turns = turns(|rules| rules.most_waiting = 2);
        make_busy(&turns, "flood");
        let held = turns.take("flood").await.unwrap();
        for _ in 0..3 {
            assert!(is_waiting(&turns, "flood").await);
        }
        let waits: Vec<_> = (0..2)
            .map(|_| {
                let turns = turns.clone();
                tokio::spawn(async move { turns.take("flood").await.is_some() })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(turns.take("flood").await.is_none());
        drop(held);
        for waits in waits {
            assert!(waits.await.unwrap());
        }
    }

    #[tokio::test]
    async fn long_work_pauses_while_somebody_is_answered_and_never_for_ever() {
        let turns = turns(|_| {});
        turns.give_way("uploader", NEVER).await;
        let clinician = turns.take("clinician").await.unwrap();
        let began = Instant::now();
        turns.give_way("uploader", Duration::from_millis(30)).await;
        assert!(began.elapsed() >= Duration::from_millis(30));
        // One's own reads are not in its way.
        turns.give_way("clinician", NEVER).await;
        drop(clinician);
        turns.give_way("uploader", NEVER).await;
    }

    #[test]
    fn what_was_used_fades() {
        let now = Instant::now();
        let client = Client {
            answering: 0,
            used: Duration::from_secs(4),
            at: now,
        };
        assert_eq!(client.used(now), Duration::from_secs(4));
        assert!(client.used(now + FADES_IN) < Duration::from_millis(1500));
        assert!(client.used(now + 10 * FADES_IN) < Duration::from_millis(1));
    }
}
