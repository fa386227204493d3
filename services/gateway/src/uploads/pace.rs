//! How quickly a body must come: a client that sends nothing, or next to nothing, or for ever, gives its place up.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::time::Instant;

use crate::fair_turns::{CountedAs, FairTurns};
use crate::problem::ApiError;
use crate::uploads::limits::UploadLimits;

/// After so many bytes an upload lets those be answered who have not kept the gateway busy, but no longer than this: hashing and
/// writing it leaves the threads that answer for a moment, and 12 MiB a second are always read.
const GIVES_WAY_EVERY: u64 = 256 << 10;
const GIVES_WAY_FOR: Duration = Duration::from_millis(20);

/// Watches one body.
pub(crate) struct Pace {
    /// By whom it counts among those who are answered.
    turns: Option<(FairTurns, String)>,
    idle: Duration,
    deadline: Duration,
    least_bytes_per_second: u64,
    began: Instant,
    received: Rc<Cell<u64>>,
}

impl Pace {
    pub(crate) fn new(request: &HttpRequest, limits: &UploadLimits) -> Self {
        let turns = request.app_data::<Data<FairTurns>>();
        let client = request.extensions().get::<CountedAs>().cloned();
        Self {
            turns: turns
                .zip(client)
                .map(|(turns, CountedAs(client))| (FairTurns::clone(turns), client)),
            idle: limits.idle,
            deadline: limits.deadline,
            least_bytes_per_second: limits.least_bytes_per_second,
            began: Instant::now(),
            received: Rc::new(Cell::new(0)),
        }
    }

    /// Counts what a body brings.
    pub(crate) fn watch<S>(&self, body: S) -> Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>
    where
        S: Stream<Item = Result<Bytes, PayloadError>> + 'static,
    {
        let received = Rc::clone(&self.received);
        let turns = self.turns.clone();
        Box::pin(body.then(move |chunk| {
            let before = received.get();
            let after = before + chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
            received.set(after);
            let turns = turns
                .clone()
                .filter(|_| before / GIVES_WAY_EVERY != after / GIVES_WAY_EVERY);
            async move {
                if let Some((turns, client)) = turns {
                    turns.give_way(&client, GIVES_WAY_FOR).await;
                }
                chunk
            }
        }))
    }

    /// Waits for the next part of the body no longer than the pace allows.
    pub(crate) async fn in_time<T>(&self, next: impl Future<Output = T>) -> Result<T, ApiError> {
        let left = self.deadline.saturating_sub(self.began.elapsed());
        // Where a part is there already, it would be taken however little time is left.
        if left.is_zero() {
            return Err(ApiError::UploadStalled);
        }
        let Ok(part) = tokio::time::timeout(self.idle.min(left), next).await else {
            return Err(ApiError::UploadStalled);
        };
        let passed = self.began.elapsed();
        if passed > self.idle && self.received.get() < self.least_after(passed) {
            return Err(ApiError::UploadStalled);
        }
        Ok(part)
    }

    fn least_after(&self, passed: Duration) -> u64 {
        self.least_bytes_per_second.saturating_mul(passed.as_secs())
    }
}
