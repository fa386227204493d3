//! How quickly a body must come: a client that sends nothing, or next to nothing, or for ever, gives its place up.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use actix_web::error::PayloadError;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::time::Instant;

use crate::problem::ApiError;
use crate::uploads::limits::UploadLimits;

/// Watches one body.
pub(crate) struct Pace {
    idle: Duration,
    deadline: Duration,
    least_bytes_per_second: u64,
    began: Instant,
    received: Rc<Cell<u64>>,
}

impl Pace {
    pub(crate) fn new(limits: &UploadLimits) -> Self {
        Self {
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
        Box::pin(body.inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                received.set(received.get() + chunk.len() as u64);
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
