use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use norma_database::{Database, DatabaseError, DatabaseOptions, DatabaseUrl};
use norma_encryption::KeyRing;
use norma_object_storage::{Encryption, Objects, S3Settings as BucketSettings};
use norma_queue::{InProcessQueue, Queue, RabbitMqOptions, RabbitMqQueue};
use secrecy::ExposeSecret;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::installation::{InstallationError, check_installation};
use crate::pauses::GrowingPause;
use crate::problems::Problems;
use crate::{ObjectSettings, ObjectsKind, QueueKind, QueueSettings, Settings, Telemetry};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What every service of a process works with. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub settings: Arc<Settings>,
    pub database: Database,
    pub objects: Objects,
    pub queue: Arc<dyn Queue>,
    pub telemetry: Telemetry,
    /// Cancelled when the process is to end: take nothing new, finish or return what runs.
    pub shutdown: CancellationToken,
    pub(crate) outbox_wakeup: Arc<Notify>,
    pub(crate) problems: Problems,
}

impl Context {
    /// Opens database, queue and objects. A database or broker that is not up yet is waited for, until `shutdown`.
    pub async fn open(
        settings: Settings,
        telemetry: Telemetry,
        service: &str,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        let objects = settings.open_objects()?;
        let queue = open_queue(&settings.queue, service)?;
        let database = tokio::select! {
            database = open_database(&settings) => database?,
            () = shutdown.cancelled() => anyhow::bail!("ended before the database was reached"),
        };
        tokio::select! {
            checked = check_stores(&database, &objects) => checked?,
            () = shutdown.cancelled() => anyhow::bail!("ended before the object storage was reached"),
        }
        Ok(Self {
            settings: Arc::new(settings),
            database,
            objects,
            queue,
            telemetry,
            shutdown,
            outbox_wakeup: Arc::default(),
            problems: Problems::default(),
        })
    }

    /// To be called after a change that was announced: the relay publishes at once instead of at its next look.
    pub fn wake_outbox(&self) {
        self.outbox_wakeup.notify_one();
    }
}

/// A storage that is not up yet is waited for; one of another installation is refused.
async fn check_stores(database: &Database, objects: &Objects) -> anyhow::Result<()> {
    try_until_up(
        "failed to ask which installation the object storage belongs to",
        InstallationError::is_retryable,
        || check_installation(database, objects),
    )
    .await
    .context("the stores do not belong together")
}

/// Tries again and again while what is asked is not up.
async fn try_until_up<T, E, Attempt>(
    failure: &'static str,
    is_retryable: impl Fn(&E) -> bool,
    attempt: impl Fn() -> Attempt,
) -> Result<T, E>
where
    E: std::error::Error + 'static,
    Attempt: Future<Output = Result<T, E>>,
{
    let mut pause = GrowingPause::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        match attempt().await {
            Err(error) if is_retryable(&error) => {
                let pause = pause.grow();
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    retry_in_ms = pause.as_millis() as u64,
                    "{failure}"
                );
                tokio::time::sleep(pause).await;
            }
            ended => return ended,
        }
    }
}

impl Settings {
    /// Opens the object storage as the settings say.
    ///
    /// # Errors
    /// Where they make none, or the keys that it is encrypted with cannot be read.
    pub fn open_objects(&self) -> anyhow::Result<Objects> {
        self.encrypting(open_storage(&self.objects)?)
    }

    /// The storage with the encryption that the settings name.
    ///
    /// # Errors
    /// Where the keys cannot be read.
    pub fn encrypting(&self, objects: Objects) -> anyhow::Result<Objects> {
        let Some(file) = &self.encryption.keys_file else {
            return Ok(objects);
        };
        let keys = KeyRing::read(file).context("failed to read encryption.keys_file")?;
        Ok(objects.encrypted(Encryption {
            keys: Arc::new(keys),
            accepts_plain: self.encryption.accept_plain,
        }))
    }
}

fn open_storage(settings: &ObjectSettings) -> anyhow::Result<Objects> {
    match settings.kind {
        ObjectsKind::Folder => {
            Objects::folder(&settings.folder).context("failed to open the folder objects.folder")
        }
        ObjectsKind::S3 => {
            let bucket = &settings.s3;
            Objects::s3(&BucketSettings {
                bucket: bucket.bucket.clone(),
                region: bucket.region.clone(),
                endpoint: bucket.endpoint.clone(),
                access_key_id: bucket.access_key_id.clone(),
                secret_access_key: bucket.secret_access_key.clone(),
                connect_timeout: Duration::from_secs(bucket.connect_timeout_seconds),
                answer_timeout: Duration::from_secs(bucket.answer_timeout_seconds),
            })
            .context("failed to set up the bucket objects.s3")
        }
    }
}

fn open_queue(settings: &QueueSettings, service: &str) -> anyhow::Result<Arc<dyn Queue>> {
    match settings.kind {
        QueueKind::InProcess => Ok(Arc::new(InProcessQueue::new(settings.delivery_limit))),
        QueueKind::RabbitMq => {
            let rabbitmq = &settings.rabbitmq;
            let url = rabbitmq.url.as_ref().context("queue.rabbitmq.url is not set")?;
            let queue = RabbitMqQueue::start(RabbitMqOptions {
                url: url.expose_secret().to_owned(),
                prefix: rabbitmq.prefix.clone(),
                delivery_limit: settings.delivery_limit,
                publish_timeout: Duration::from_secs(rabbitmq.publish_timeout_seconds),
                heartbeat: Duration::from_secs(rabbitmq.heartbeat_seconds),
                reconnect_max: Duration::from_secs(rabbitmq.reconnect_max_seconds),
                connection_name: format!("norma {service}"),
            })
            .context("failed to set up the queue")?;
            Ok(Arc::new(queue))
        }
    }
}

impl Settings {
    /// How the settings say that the database is opened.
    ///
    /// # Errors
    /// Where `database.url` is none.
    pub fn database_options(&self) -> anyhow::Result<DatabaseOptions> {
        let url = DatabaseUrl::parse(self.database.url.expose_secret()).context("database.url")?;
        Ok(DatabaseOptions {
            pool_size: self.database.connections,
            connect_timeout: Duration::from_secs(self.database.connect_timeout_seconds),
            statement_timeout: Duration::from_secs(self.database.statement_timeout_seconds),
            application_role: self.database.application_role.clone(),
            worker_role: self.database.worker_role.clone(),
            ..DatabaseOptions::new(url)
        })
    }
}

async fn open_database(settings: &Settings) -> anyhow::Result<Database> {
    let options = settings.database_options()?;
    try_until_up("failed to open the database", DatabaseError::is_retryable, || {
        Database::open_with(options.clone())
    })
    .await
    .context("failed to open the database")
}
