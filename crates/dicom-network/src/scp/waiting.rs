//! Connections over which nobody has asked for an association yet: so many of an address, and so many in all. Whoever connects and says
//! nothing gives way to who comes after.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// So many connections in all for each that one address may have.
pub(crate) const ADDRESSES: usize = 4;

/// The connections that wait, by their order.
#[derive(Debug)]
pub(crate) struct WaitingConnections {
    of_address: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    /// The oldest first.
    waiting: BTreeMap<u64, (IpAddr, CancellationToken)>,
}

impl State {
    fn oldest_of(&self, address: IpAddr) -> Option<u64> {
        let mut waiting = self.waiting.iter();
        waiting
            .find(|(_, (of, _))| *of == address)
            .map(|(number, _)| *number)
    }

    fn by_address(&self) -> HashMap<IpAddr, usize> {
        let mut counts = HashMap::new();
        for (address, _) in self.waiting.values() {
            *counts.entry(*address).or_default() += 1;
        }
        counts
    }

    fn push_out(&mut self, number: u64) {
        if let Some((address, gone)) = self.waiting.remove(&number) {
            tracing::warn!(%address, "a DICOM connection that asked for nothing gave way to another one");
            gone.cancel();
        }
    }
}

impl WaitingConnections {
    /// `of_address`: of one address.
    pub(crate) fn new(of_address: usize) -> Arc<Self> {
        Arc::new(Self {
            of_address,
            state: Mutex::default(),
        })
    }

    /// One more. The oldest of its address gives way where that has too many, and the oldest of the address that has most where there are
    /// too many in all.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> WaitingConnection {
        let mut state = self.state();
        let counts = state.by_address();
        if counts
            .get(&address)
            .is_some_and(|count| *count >= self.of_address)
        {
            if let Some(oldest) = state.oldest_of(address) {
                state.push_out(oldest);
            }
        } else if state.waiting.len() >= self.of_address.saturating_mul(ADDRESSES) {
            let most = counts.into_iter().max_by_key(|(_, count)| *count);
            if let Some(oldest) = most.and_then(|(address, _)| state.oldest_of(address)) {
                state.push_out(oldest);
            }
        }
        state.last += 1;
        let (number, pushed_out) = (state.last, CancellationToken::new());
        state.waiting.insert(number, (address, pushed_out.clone()));
        drop(state);
        WaitingConnection {
            all: Arc::clone(self),
            number,
            pushed_out,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that waits; until this is dropped.
#[derive(Debug)]
pub(crate) struct WaitingConnection {
    all: Arc<WaitingConnections>,
    number: u64,
    pushed_out: CancellationToken,
}

impl WaitingConnection {
    /// None where this one gave way before.
    pub(crate) async fn unless_pushed_out<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.pushed_out.cancelled() => None,
        }
    }
}

impl Drop for WaitingConnection {
    fn drop(&mut self) {
        self.all.state().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_who_has_most_gives_way() {
        let address = |last: u8| IpAddr::from([127, 0, 0, last]);
        let all = WaitingConnections::new(2);
        let gone = |connection: &WaitingConnection| connection.pushed_out.is_cancelled();
        let first = all.enter(address(1));
        let second = all.enter(address(1));
        assert!(!gone(&first) && !gone(&second));
        let third = all.enter(address(1));
        assert!(gone(&first) && !gone(&second) && !gone(&third));
        drop(second);
        let fourth = all.enter(address(1));
        assert!(!gone(&third), "there was room");
        // Eight in all: the seventh address's is one too many.
        let others: Vec<WaitingConnection> = (2..8).map(|last| all.enter(address(last))).collect();
        assert!(!gone(&third) && !gone(&fourth));
        let last = all.enter(address(9));
        assert!(gone(&third) && !gone(&fourth) && !gone(&last));
        assert!(!others.iter().any(gone));
    }
}
