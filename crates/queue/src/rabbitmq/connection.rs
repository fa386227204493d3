//! Keeps one connection alive. lapin's own recovery loses consumers and confirms
//! (<https://github.com/amqp-rs/lapin/issues/450>), so it stays off: a connection that shows any sign of failure is
//! dropped whole and made anew, and publishers and consumers pick up the new one.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use lapin::options::ConfirmSelectOptions;
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, Event};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::RabbitMqOptions;
use super::declaration::declare_topology;
use crate::QueueError;
use crate::topology::Names;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a connection is looked at that reports no event.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// A broker answers within milliseconds.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// A working connection with its topology declared.
pub(super) struct Live {
    pub(super) connection: Connection,
    /// In confirm mode. <https://www.rabbitmq.com/docs/confirms#publisher-confirms>
    pub(super) publisher: Channel,
    broken: CancellationToken,
}

impl Live {
    /// Somebody saw it fail or hang: it is dropped and made anew.
    pub(super) fn mark_broken(&self) {
        self.broken.cancel();
    }

    /// Returns once it is seen to have failed.
    pub(super) async fn broke(&self) {
        self.broken.cancelled().await;
    }

    /// Whether the broker answers over it, within `CHECK_TIMEOUT`: a peer that is gone without a word looks alive.
    pub(super) async fn answers(&self) -> bool {
        let asking = async {
            let channel = self.connection.create_channel().await?;
            channel.close(200, "OK".into()).await
        };
        self.answer(CHECK_TIMEOUT, asking)
            .await
            .is_some_and(|answer| answer.is_ok())
    }

    /// What lapin answers, or none: it may never answer over a connection that is closing just then, and a broker that
    /// is gone without a word says nothing. Everything asked of lapin goes through here or has a deadline of its own.
    pub(super) async fn answer<T>(&self, patience: Duration, asking: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            answer = asking => Some(answer),
            () = self.broken.cancelled() => None,
            () = tokio::time::sleep(patience) => None,
        }
    }

    fn works(&self) -> bool {
        !self.broken.is_cancelled()
            && self.connection.status().connected()
            && self.publisher.status().connected()
    }
}

/// Owns the task that connects.
pub(super) struct Supervisor {
    live: watch::Receiver<Option<Arc<Live>>>,
    closed: CancellationToken,
}

impl Supervisor {
    pub(super) fn start(options: &RabbitMqOptions, names: &Names) -> Result<Self, QueueError> {
        let uri = parse_url(options)?;
        let (sender, live) = watch::channel(None);
        let closed = CancellationToken::new();
        let task = SupervisorTask {
            uri,
            options: options.clone(),
            names: names.clone(),
            live: sender,
            closed: closed.clone(),
        };
        tokio::spawn(task.run());
        Ok(Self { live, closed })
    }

    pub(super) fn ensure_open(&self) -> Result<(), QueueError> {
        if self.closed.is_cancelled() {
            Err(QueueError::Closed)
        } else {
            Ok(())
        }
    }

    pub(super) fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    /// The connection that works now.
    pub(super) fn current(&self) -> Result<Arc<Live>, QueueError> {
        self.ensure_open()?;
        let live = self.live.borrow().clone();
        live.filter(|live| live.works()).ok_or(QueueError::Disconnected)
    }

    /// Waits for a working connection.
    pub(super) async fn wait(&self) -> Result<Arc<Live>, QueueError> {
        let mut live = self.live.clone();
        loop {
            self.ensure_open()?;
            if let Ok(live) = self.current() {
                return Ok(live);
            }
            tokio::select! {
                () = self.closed.cancelled() => return Err(QueueError::Closed),
                changed = live.changed() => changed.map_err(|_| QueueError::Closed)?,
                // A connection can break between two changes; it is looked at again.
                () = tokio::time::sleep(WATCH_INTERVAL) => {}
            }
        }
    }

    pub(super) async fn wait_until(&self, deadline: Instant) -> Result<Arc<Live>, QueueError> {
        tokio::time::timeout_at(deadline, self.wait())
            .await
            .unwrap_or(Err(QueueError::Disconnected))
    }

    pub(super) async fn close(&self) {
        self.closed.cancel();
        let mut live = self.live.clone();
        let ended = live.wait_for(Option::is_none);
        // The task ends within CLOSE_TIMEOUT; an error means that it has ended already.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT * 2, ended).await;
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

fn parse_url(options: &RabbitMqOptions) -> Result<AMQPUri, QueueError> {
    // The parser's message names the part that is wrong, never the url itself, which holds a password.
    let mut uri: AMQPUri = options.url.parse().map_err(QueueError::InvalidUrl)?;
    let heartbeat = u16::try_from(options.heartbeat.as_secs()).unwrap_or(u16::MAX);
    uri.query.heartbeat.get_or_insert(heartbeat);
    Ok(uri)
}

struct SupervisorTask {
    uri: AMQPUri,
    options: RabbitMqOptions,
    names: Names,
    live: watch::Sender<Option<Arc<Live>>>,
    closed: CancellationToken,
}

impl SupervisorTask {
    async fn run(self) {
        let mut pause = FIRST_PAUSE;
        let mut has_been_connected = false;
        while !self.closed.is_cancelled() {
            match self.connect().await {
                Ok(live) => {
                    tracing::info!("connected to the broker");
                    if has_been_connected {
                        metrics::counter!("norma_queue_reconnections_total").increment(1);
                    }
                    has_been_connected = true;
                    pause = FIRST_PAUSE;
                    let live = Arc::new(live);
                    self.live.send_replace(Some(Arc::clone(&live)));
                    self.watch(&live).await;
                    close(&live).await;
                    self.live.send_replace(None);
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        retry_in_ms = pause.as_millis() as u64,
                        "failed to connect to the broker"
                    );
                }
            }
            tokio::select! {
                () = self.closed.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(self.options.reconnect_max);
        }
    }

    async fn connect(&self) -> Result<Live, QueueError> {
        tokio::time::timeout(CONNECT_TIMEOUT, self.connect_and_declare())
            .await
            .unwrap_or(Err(QueueError::Disconnected))
    }

    async fn connect_and_declare(&self) -> Result<Live, QueueError> {
        let properties = ConnectionProperties::default()
            .with_connection_name(self.options.connection_name.as_str().into());
        let connection = Connection::connect_uri(self.uri.clone(), properties).await?;
        declare_topology(&connection, &self.names, self.options.delivery_limit).await?;
        let publisher = connection.create_channel().await?;
        publisher.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Live {
            connection,
            publisher,
            broken: CancellationToken::new(),
        })
    }

    /// Returns when the connection does not work any more, or is to be closed.
    async fn watch(&self, live: &Live) {
        let mut events = std::pin::pin!(live.connection.events_listener());
        while live.works() {
            tokio::select! {
                () = self.closed.cancelled() => return,
                () = live.broken.cancelled() => {}
                event = events.next() => match event {
                    Some(Event::Error(error)) => {
                        tracing::warn!(error = &error as &dyn std::error::Error, "lost the broker");
                        live.mark_broken();
                    }
                    Some(Event::ConnectionBlocked(reason)) => {
                        tracing::warn!(reason, "the broker blocks publishers");
                    }
                    Some(_) => {}
                    None => live.mark_broken(),
                },
                () = tokio::time::sleep(WATCH_INTERVAL) => {}
            }
        }
        live.mark_broken();
    }
}

/// Tells the broker, which returns what is unsettled to its queues; one that does not answer finds out itself.
async fn close(live: &Live) {
    live.mark_broken();
    if live.connection.status().connected() {
        let closing = live.connection.close(200, "OK".into());
        if !matches!(tokio::time::timeout(CLOSE_TIMEOUT, closing).await, Ok(Ok(()))) {
            tracing::debug!("the connection to the broker ended without a farewell");
        }
    }
}
