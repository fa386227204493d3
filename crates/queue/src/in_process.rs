//! The queue of the embedded mode: the same semantics inside one process. Its content dies with the process;
//! it is refilled from the database at start.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use norma_domain::Stage;
use norma_messages::Envelope;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::delivery::Settlement;
use crate::{Consumer, DeadLetterCause, DeadLetterOrigin, Delivery, Queue, QueueError, subscribers};

/// A queue inside this process.
#[derive(Clone)]
pub struct InProcessQueue {
    stages: BTreeMap<Stage, Arc<Line>>,
    dead_letters: Arc<Line>,
    closed: CancellationToken,
}

impl InProcessQueue {
    /// A message is delivered at most `delivery_limit + 1` times, as in a quorum queue with `x-delivery-limit`.
    pub fn new(delivery_limit: u32) -> Self {
        let dead_letters = Arc::new(Line::new(None));
        let stages = Stage::ALL
            .into_iter()
            .map(|stage| {
                let overflow = Overflow {
                    stage,
                    delivery_limit,
                    dead_letters: Arc::clone(&dead_letters),
                };
                (stage, Arc::new(Line::new(Some(overflow))))
            })
            .collect();
        Self {
            stages,
            dead_letters,
            closed: CancellationToken::new(),
        }
    }

    fn consumer(&self, line: &Arc<Line>, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        self.ensure_open()?;
        Ok(Box::new(InProcessConsumer {
            line: Arc::clone(line),
            unsettled: Arc::new(Semaphore::new(usize::from(prefetch.max(1)))),
            // Stopping one consumer does not close the queue.
            stopped: self.closed.child_token(),
        }))
    }

    fn ensure_open(&self) -> Result<(), QueueError> {
        if self.closed.is_cancelled() {
            Err(QueueError::Closed)
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl Queue for InProcessQueue {
    async fn publish(&self, envelope: &Envelope) -> Result<(), QueueError> {
        self.ensure_open()?;
        let routing_key = envelope.message.routing_key();
        let mut is_routed = false;
        for stage in subscribers(&routing_key) {
            self.stages[&stage].push(Waiting {
                envelope: envelope.clone(),
                deliveries: 0,
                origin: None,
            });
            is_routed = true;
        }
        if is_routed {
            Ok(())
        } else {
            Err(QueueError::Unroutable { routing_key })
        }
    }

    async fn consume(&self, stage: Stage, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        self.consumer(&self.stages[&stage], prefetch)
    }

    async fn consume_dead_letters(&self, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        self.consumer(&self.dead_letters, prefetch)
    }

    async fn check(&self) -> Result<(), QueueError> {
        self.ensure_open()
    }

    async fn depth(&self, stage: Stage) -> Result<u64, QueueError> {
        Ok(self.stages[&stage].depth())
    }

    async fn dead_letter_depth(&self) -> Result<u64, QueueError> {
        Ok(self.dead_letters.depth())
    }

    async fn close(&self) {
        self.closed.cancel();
    }
}

/// One queue.
struct Line {
    waiting: Mutex<VecDeque<Waiting>>,
    arrived: Notify,
    /// None for the dead letters, which are kept however often they are returned.
    overflow: Option<Overflow>,
}

struct Waiting {
    envelope: Envelope,
    deliveries: u32,
    origin: Option<DeadLetterOrigin>,
}

/// Where messages go that were delivered too often.
struct Overflow {
    stage: Stage,
    delivery_limit: u32,
    dead_letters: Arc<Line>,
}

impl Line {
    fn new(overflow: Option<Overflow>) -> Self {
        Self {
            waiting: Mutex::default(),
            arrived: Notify::new(),
            overflow,
        }
    }

    fn push(&self, message: Waiting) {
        self.lock().push_back(message);
        self.arrived.notify_waiters();
    }

    fn pop(&self) -> Option<Waiting> {
        self.lock().pop_front()
    }

    fn depth(&self) -> u64 {
        self.lock().len() as u64
    }

    /// The lock is never held where something can panic half way, so a poisoned one holds a whole queue.
    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, message: Waiting) {
        match &self.overflow {
            Some(overflow) if message.deliveries > overflow.delivery_limit => {
                self.bury(message, DeadLetterCause::DeliveryLimit);
            }
            _ => self.push(message),
        }
    }

    /// To the dead letters; a rejected dead letter is dropped, as a broker does without a further exchange.
    fn bury(&self, message: Waiting, cause: DeadLetterCause) {
        if let Some(overflow) = &self.overflow {
            overflow.dead_letters.push(Waiting {
                envelope: message.envelope,
                deliveries: 0,
                origin: Some(DeadLetterOrigin {
                    stage: Some(overflow.stage),
                    cause,
                }),
            });
        }
    }
}

struct InProcessConsumer {
    line: Arc<Line>,
    unsettled: Arc<Semaphore>,
    stopped: CancellationToken,
}

#[async_trait]
impl Consumer for InProcessConsumer {
    async fn next(&mut self) -> Option<Delivery> {
        let permit = tokio::select! {
            biased;
            () = self.stopped.cancelled() => return None,
            permit = Arc::clone(&self.unsettled).acquire_owned() => permit.ok()?,
        };
        loop {
            let mut arrived = std::pin::pin!(self.line.arrived.notified());
            // Registered before looking, so that a message pushed in between is not missed.
            arrived.as_mut().enable();
            if self.stopped.is_cancelled() {
                return None;
            }
            if let Some(message) = self.line.pop() {
                return Some(deliver(message, &self.line, permit));
            }
            tokio::select! {
                () = self.stopped.cancelled() => return None,
                () = arrived => {}
            }
        }
    }

    async fn stop(&mut self) {
        self.stopped.cancel();
    }
}

fn deliver(message: Waiting, line: &Arc<Line>, permit: OwnedSemaphorePermit) -> Delivery {
    let attempt = message.deliveries + 1;
    let settlement = InProcessSettlement {
        unsettled: Some(Waiting {
            envelope: message.envelope.clone(),
            deliveries: attempt,
            origin: message.origin.clone(),
        }),
        line: Arc::clone(line),
        _permit: permit,
    };
    Delivery::new(message.envelope, attempt, message.origin, Box::new(settlement))
}

struct InProcessSettlement {
    /// None once settled.
    unsettled: Option<Waiting>,
    line: Arc<Line>,
    /// Counts against the prefetch until settled.
    _permit: OwnedSemaphorePermit,
}

#[async_trait]
impl Settlement for InProcessSettlement {
    async fn ack(mut self: Box<Self>) -> Result<(), QueueError> {
        self.unsettled = None;
        Ok(())
    }

    async fn retry(self: Box<Self>) -> Result<(), QueueError> {
        drop(self);
        Ok(())
    }

    async fn reject(mut self: Box<Self>) -> Result<(), QueueError> {
        if let Some(message) = self.unsettled.take() {
            self.line.bury(message, DeadLetterCause::Rejected);
        }
        Ok(())
    }
}

impl Drop for InProcessSettlement {
    fn drop(&mut self) {
        if let Some(message) = self.unsettled.take() {
            self.line.give_back(message);
        }
    }
}
