use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
    BasicRejectOptions,
};
use lapin::types::FieldTable;
use lapin::{Acker, Channel};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::connection::{Live, Supervisor};
use super::envelope::{attempt, dead_letter_origin, from_delivery};
use crate::delivery::Settlement;
use crate::topology::Names;
use crate::{Consumer, Delivery, QueueError};

const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(200);
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(10);
/// A settlement waits for no answer of the broker, only for its frame to be taken.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Subscribes anew whenever its connection was lost.
pub(super) struct RabbitMqConsumer {
    supervisor: Arc<Supervisor>,
    names: Names,
    queue: String,
    prefetch: u16,
    subscription: Option<Subscription>,
    subscribing: Option<JoinHandle<Result<Subscription, QueueError>>>,
    stopped: CancellationToken,
}

struct Subscription {
    channel: Channel,
    messages: lapin::Consumer,
    /// Kept: the connection closes when the last holder lets go.
    live: Arc<Live>,
}

impl RabbitMqConsumer {
    pub(super) fn new(supervisor: Arc<Supervisor>, names: Names, queue: String, prefetch: u16) -> Self {
        let stopped = supervisor.closed().child_token();
        Self {
            supervisor,
            names,
            queue,
            prefetch,
            subscription: None,
            subscribing: None,
            stopped,
        }
    }

    /// The next message that can be read. Only one that cannot is settled here: it becomes a dead letter.
    async fn receive(&mut self) -> Result<Delivery, QueueError> {
        loop {
            let subscription = self.subscribed().await?;
            let next = tokio::select! {
                biased;
                message = subscription.messages.next() => message,
                // Somebody saw that the broker does not answer: over that connection nothing comes any more.
                () = subscription.live.broke() => None,
            };
            let Some(message) = next else {
                return Err(QueueError::Disconnected);
            };
            let message = message?;
            let settlement = RabbitMqSettlement::new(message.acker.clone(), subscription);
            let envelope = match from_delivery(&message) {
                Ok(envelope) => envelope,
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        queue = self.queue,
                        "a message cannot be read and is put aside"
                    );
                    Box::new(settlement).reject().await?;
                    continue;
                }
            };
            return Ok(Delivery::new(
                envelope,
                attempt(&message),
                dead_letter_origin(&message, &self.names),
                Box::new(settlement),
            ));
        }
    }

    /// Subscribing runs in a task of its own: a `next` that is cancelled half way would otherwise leave a
    /// subscription behind at the broker that receives messages for nobody.
    async fn subscribed(&mut self) -> Result<&mut Subscription, QueueError> {
        if let Some(ref mut subscription) = self.subscription {
            return Ok(subscription);
        }
        let subscribing = self.subscribing.get_or_insert_with(|| {
            let (supervisor, queue) = (Arc::clone(&self.supervisor), self.queue.clone());
            tokio::spawn(subscribe(supervisor, queue, self.prefetch))
        });
        let outcome = subscribing.await;
        self.subscribing = None;
        // A join error is a panic of lapin's or the end of the runtime.
        let subscription = outcome.map_err(|error| QueueError::Broker(Box::new(error)))??;
        Ok(self.subscription.insert(subscription))
    }
}

async fn subscribe(
    supervisor: Arc<Supervisor>,
    queue: String,
    prefetch: u16,
) -> Result<Subscription, QueueError> {
    let live = supervisor.wait().await?;
    let subscribing = subscribe_over(Arc::clone(&live), &queue, prefetch);
    let outcome = tokio::time::timeout(SUBSCRIBE_TIMEOUT, subscribing)
        .await
        .unwrap_or(Err(QueueError::Disconnected));
    if outcome.is_err() {
        // Hanging, or the queue is gone: a new connection declares it again.
        live.mark_broken();
    }
    outcome
}

async fn subscribe_over(live: Arc<Live>, queue: &str, prefetch: u16) -> Result<Subscription, QueueError> {
    // A channel of its own: its prefetch counts only this consumer's messages, and an error closes only it.
    let channel = live.connection.create_channel().await?;
    // At most this many unacknowledged messages. https://www.rabbitmq.com/docs/consumer-prefetch
    // Not global: quorum queues know only the limit per consumer.
    // https://www.rabbitmq.com/docs/quorum-queues#global-qos
    channel
        .basic_qos(prefetch.max(1), BasicQosOptions { global: false })
        .await?;
    // Acknowledged by hand, after the result is committed: no_ack stays off.
    // https://www.rabbitmq.com/docs/confirms#acknowledgement-modes
    let messages = channel
        .basic_consume(
            queue.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    Ok(Subscription {
        channel,
        messages,
        live,
    })
}

#[async_trait]
impl Consumer for RabbitMqConsumer {
    async fn next(&mut self) -> Option<Delivery> {
        let stopped = self.stopped.clone();
        loop {
            let received = tokio::select! {
                biased;
                () = stopped.cancelled() => return None,
                received = self.receive() => received,
            };
            match received {
                Ok(delivery) => return Some(delivery),
                Err(QueueError::Closed) => return None,
                Err(error) => {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        queue = self.queue,
                        "subscribing again"
                    );
                    self.subscription = None;
                    tokio::select! {
                        () = stopped.cancelled() => return None,
                        () = tokio::time::sleep(PAUSE_AFTER_FAILURE) => {}
                    }
                }
            }
        }
    }

    async fn stop(&mut self) {
        self.stopped.cancel();
        let Some(mut subscription) = self.subscription.take() else {
            return;
        };
        let tag = subscription.messages.tag();
        let cancelling = subscription
            .channel
            .basic_cancel(tag, BasicCancelOptions::default());
        if !matches!(
            tokio::time::timeout(SUBSCRIBE_TIMEOUT, cancelling).await,
            Ok(Ok(()))
        ) {
            return;
        }
        // What had been fetched ahead goes back.
        while let Some(Some(Ok(message))) = futures::FutureExt::now_or_never(subscription.messages.next()) {
            let settlement = RabbitMqSettlement::new(message.acker.clone(), &subscription);
            if Box::new(settlement).retry().await.is_err() {
                return;
            }
        }
    }
}

struct RabbitMqSettlement {
    /// None once settled.
    acker: Option<Acker>,
    over: Over,
}

/// Kept until settled: dropping a channel's last handle closes it and returns its messages.
#[derive(Clone)]
struct Over {
    _channel: Channel,
    live: Arc<Live>,
}

impl Over {
    /// lapin answers false when the channel over which the message came is gone, and now and then never, when the
    /// connection is closing just then.
    async fn settled(&self, answer: impl Future<Output = lapin::Result<bool>>) -> Result<(), QueueError> {
        match self.live.answer(SETTLE_TIMEOUT, answer).await {
            Some(Ok(true)) => Ok(()),
            Some(Ok(false) | Err(_)) => Err(QueueError::DeliveryLost),
            None => {
                self.live.mark_broken();
                Err(QueueError::DeliveryLost)
            }
        }
    }
}

impl RabbitMqSettlement {
    fn new(acker: Acker, subscription: &Subscription) -> Self {
        Self {
            acker: Some(acker),
            over: Over {
                _channel: subscription.channel.clone(),
                live: Arc::clone(&subscription.live),
            },
        }
    }
}

const REQUEUE: BasicNackOptions = BasicNackOptions {
    multiple: false,
    requeue: true,
};

#[async_trait]
impl Settlement for RabbitMqSettlement {
    async fn ack(mut self: Box<Self>) -> Result<(), QueueError> {
        match self.acker.take() {
            Some(acker) => self.over.settled(acker.ack(BasicAckOptions::default())).await,
            None => Ok(()),
        }
    }

    async fn retry(mut self: Box<Self>) -> Result<(), QueueError> {
        match self.acker.take() {
            Some(acker) => self.over.settled(acker.nack(REQUEUE)).await,
            None => Ok(()),
        }
    }

    async fn reject(mut self: Box<Self>) -> Result<(), QueueError> {
        match self.acker.take() {
            Some(acker) => {
                let options = BasicRejectOptions { requeue: false };
                self.over.settled(acker.reject(options)).await
            }
            None => Ok(()),
        }
    }
}

impl Drop for RabbitMqSettlement {
    fn drop(&mut self) {
        let (Some(acker), Ok(runtime)) = (self.acker.take(), Handle::try_current()) else {
            return;
        };
        let over = self.over.clone();
        runtime.spawn(async move {
            // A lost connection returns the message too.
            let _ = over.settled(acker.nack(REQUEUE)).await;
        });
    }
}
