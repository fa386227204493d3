use std::future::Future;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::allocator::give_back_freed_memory;
use crate::relay::run_relay;
use crate::{Context, QueueKind, Settings, Telemetry, admin, pause};

/// How long each of the last steps of a process may take.
const LAST_STEP: Duration = Duration::from_secs(5);
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// A process of Norma: its context, the services that run in it, and its orderly end.
///
/// ```no_run
/// # async fn example(settings: norma_service::Settings) -> anyhow::Result<()> {
/// let mut process = norma_service::Process::start(settings, "anomaly").await?;
/// process.serve_admin()?;
/// // process.spawn("anomaly", norma_anomaly::run(process.context()));
/// process.wait().await
/// # }
/// ```
pub struct Process {
    context: Context,
    services: JoinSet<(&'static str, anyhow::Result<()>)>,
    background: JoinSet<()>,
}

impl Process {
    /// Sets up telemetry, opens the context, and starts what every process needs: the end on SIGTERM or SIGINT and
    /// the outbox relay. `name` is that of the one service that runs here.
    ///
    /// # Errors
    /// With the in-process queue too: what the relay here took from the outbox would be seen by this process alone, which has one
    /// service, and be lost to the others.
    pub async fn start(settings: Settings, name: &'static str) -> anyhow::Result<Self> {
        anyhow::ensure!(
            settings.queue.kind != QueueKind::InProcess,
            "{name} in a process of its own needs a queue that others see, and queue.kind is in_process: run everything in one process with \
             `norma serve`, or set queue.kind to rabbitmq and queue.rabbitmq.url to the broker"
        );
        Ok(Self::with_context(open(settings, name).await?))
    }

    /// The same for a process that every service runs in: it may keep its queue to itself.
    pub async fn start_embedded(settings: Settings) -> anyhow::Result<Self> {
        Ok(Self::with_context(open(settings, "serve").await?))
    }

    /// The same without a relay and without a broker: for a process that neither takes nor sends a message, whatever queue the others have.
    /// A relay here would take messages to a queue that nobody reads.
    pub async fn start_aside(mut settings: Settings, name: &'static str) -> anyhow::Result<Self> {
        settings.queue.kind = QueueKind::InProcess;
        Ok(Self::aside(open(settings, name).await?))
    }

    /// For a context that was opened elsewhere, as tests do.
    pub fn with_context(context: Context) -> Self {
        let mut process = Self::aside(context);
        process.background.spawn(run_relay(process.context.clone()));
        process
    }

    fn aside(context: Context) -> Self {
        let mut background = JoinSet::new();
        background.spawn(run_upkeep(context.clone()));
        Self {
            context,
            services: JoinSet::new(),
            background,
        }
    }

    pub fn context(&self) -> Context {
        self.context.clone()
    }

    /// Runs a service beside the others. When any of them ends, the process does.
    pub fn spawn(
        &mut self,
        name: &'static str,
        service: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        self.services.spawn(async move { (name, service.await) });
    }

    /// Answers /healthz, /readyz and /metrics on the admin address. Returns the address.
    pub fn serve_admin(&mut self) -> anyhow::Result<std::net::SocketAddr> {
        let (address, server) = admin::start(&self.context)?;
        self.background.spawn(server);
        Ok(address)
    }

    /// Returns after the last service has ended, the outbox is relayed and the queue is closed. An error is that of
    /// the first service that failed.
    pub async fn wait(mut self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        while let Some(ended) = self.services.join_next().await {
            let failure = match ended {
                Ok((_, Ok(()))) => None,
                Ok((name, Err(error))) => Some(error.context(format!("the service {name} failed"))),
                Err(error) => Some(anyhow::Error::new(error).context("a service panicked")),
            };
            self.context.shutdown.cancel();
            if let Some(failure) = failure
                && outcome.is_ok()
            {
                outcome = Err(failure);
            }
        }
        self.context.shutdown.cancel();
        self.end_background().await;
        tracing::info!("ended");
        outcome
    }

    /// Each step in its time: a database, broker or collector that fell silent holds no end up. What was not relayed
    /// stays in the outbox, for the relays of other processes.
    async fn end_background(&mut self) {
        let relaying = async { while self.background.join_next().await.is_some() {} };
        if timeout(LAST_STEP, relaying).await.is_err() {
            tracing::warn!("ending although something still waits for an answer");
            self.background.abort_all();
        }
        let _ = timeout(LAST_STEP, self.context.queue.close()).await;
        let telemetry = self.context.telemetry.clone();
        // The exporter waits for its collector.
        let flushing = tokio::task::spawn_blocking(move || telemetry.flush());
        let _ = timeout(LAST_STEP, flushing).await;
    }
}

async fn open(settings: Settings, name: &'static str) -> anyhow::Result<Context> {
    let telemetry = Telemetry::install(&settings.telemetry, name)?;
    give_back_freed_memory();
    let shutdown = CancellationToken::new();
    cancel_on_signal(shutdown.clone())?;
    Context::open(settings, telemetry, name, shutdown).await
}

fn cancel_on_signal(shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("ending: finishing or returning what runs; a second signal ends at once");
        shutdown.cancel();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // The exit code of a process that a signal ended (128 + SIGINT).
        std::process::exit(130);
    });
    Ok(())
}

async fn run_upkeep(context: Context) {
    while pause(UPKEEP_INTERVAL, &context.shutdown).await {
        context.telemetry.run_upkeep();
    }
}
