//! The queue of the distributed mode: RabbitMQ over AMQP 0.9.1.

mod connection;
mod consumer;
mod declaration;
mod envelope;
mod options;
mod publisher;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use norma_domain::Stage;
use norma_messages::Envelope;

use self::connection::Supervisor;
use self::consumer::RabbitMqConsumer;
pub use self::options::RabbitMqOptions;
use crate::topology::Names;
use crate::{Consumer, Queue, QueueError};

const DEPTH_TIMEOUT: Duration = Duration::from_secs(10);

/// A supervised connection to RabbitMQ.
pub struct RabbitMqQueue {
    options: RabbitMqOptions,
    names: Names,
    supervisor: Arc<Supervisor>,
}

impl RabbitMqQueue {
    /// Starts connecting and returns at once: a broker that is not up yet is waited for, see [`Queue::check`].
    /// Must be called inside a tokio runtime.
    pub fn start(options: RabbitMqOptions) -> Result<Self, QueueError> {
        let names = Names::new(&options.prefix);
        let supervisor = Arc::new(Supervisor::start(&options, &names)?);
        Ok(Self {
            options,
            names,
            supervisor,
        })
    }

    async fn depth_of(&self, queue: &str) -> Result<u64, QueueError> {
        let live = self.supervisor.current()?;
        live.answer(DEPTH_TIMEOUT, declaration::depth(&live.connection, queue))
            .await
            .unwrap_or(Err(QueueError::Disconnected))
    }

    fn consumer(&self, queue: String, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        self.supervisor.ensure_open()?;
        Ok(Box::new(RabbitMqConsumer::new(
            Arc::clone(&self.supervisor),
            self.names.clone(),
            queue,
            prefetch,
        )))
    }
}

#[async_trait]
impl Queue for RabbitMqQueue {
    async fn publish(&self, envelope: &Envelope) -> Result<(), QueueError> {
        publisher::publish(
            &self.supervisor,
            &self.names.exchange(),
            envelope,
            self.options.publish_timeout,
        )
        .await
    }

    async fn consume(&self, stage: Stage, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        self.consumer(self.names.queue(stage), prefetch)
    }

    async fn consume_dead_letters(&self, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError> {
        self.consumer(self.names.dead_letter_queue(), prefetch)
    }

    async fn check(&self) -> Result<(), QueueError> {
        let live = self.supervisor.current()?;
        if live.connection.status().blocked() {
            return Err(QueueError::Blocked);
        }
        if live.answers().await {
            Ok(())
        } else {
            Err(QueueError::Disconnected)
        }
    }

    async fn depth(&self, stage: Stage) -> Result<u64, QueueError> {
        self.depth_of(&self.names.queue(stage)).await
    }

    async fn dead_letter_depth(&self) -> Result<u64, QueueError> {
        self.depth_of(&self.names.dead_letter_queue()).await
    }

    async fn close(&self) {
        self.supervisor.close().await;
    }
}

impl From<lapin::Error> for QueueError {
    fn from(error: lapin::Error) -> Self {
        Self::Broker(Box::new(error))
    }
}
