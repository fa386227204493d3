//! An installation of many processes whose stores can be cut off: gateway and workers reach PostgreSQL and RabbitMQ
//! through relays; objects and cluster lie on small disks where one may mount them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use norma_database::{Analysis, Database};
use norma_domain::Stage;
use norma_test_support::servers::{
    GuardedProcess, PostgreSql, Proxy, RabbitMq, SeaweedFs, SmallDisk, free_port, logged_command,
};
use norma_test_support::{PhantomOptions, phantom_zip};
use tempfile::TempDir;

use crate::studies::{onnxruntime, test_bundle};

/// For ten studies on a machine with two busy cores.
pub(crate) const PATIENCE: Duration = Duration::from_secs(400);
const OBJECTS_MEBIBYTES: u32 = 256;
/// SeaweedFS takes room in volumes of 32 MiB and gives it back late.
const S3_MEBIBYTES: u32 = 1024;
const DATABASE_MEBIBYTES: u32 = 192;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    Gateway,
    Worker(Stage),
}

impl Service {
    fn all() -> impl Iterator<Item = Self> {
        let workers = Stage::ALL.into_iter().map(Self::Worker);
        std::iter::once(Self::Gateway).chain(workers)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Worker(stage) => stage.as_str(),
        }
    }
}

pub(crate) struct Site {
    // Dropped before the servers that they use, and these before their disks.
    services: BTreeMap<Service, GuardedProcess>,
    pub(crate) broker_line: Proxy,
    pub(crate) database_line: Proxy,
    pub(crate) broker: RabbitMq,
    pub(crate) postgresql: PostgreSql,
    pub(crate) s3_line: Option<Proxy>,
    s3: Option<SeaweedFs>,
    /// Not through the relay.
    database: Database,
    /// `http://127.0.0.1:…`
    pub(crate) gateway: String,
    pub(crate) upload: Bytes,
    environment: Vec<(&'static str, String)>,
    folder: TempDir,
    pub(crate) disks: Option<Disks>,
}

/// Where an installation keeps its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectStore {
    Folder,
    S3,
}

pub(crate) struct Disks {
    pub(crate) objects: SmallDisk,
    pub(crate) database: SmallDisk,
}

/// What became of accepted predictions.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// With a report.
    pub(crate) ended: usize,
    /// With a reason instead.
    pub(crate) failed: Vec<String>,
    /// Without an end, however long one waits.
    pub(crate) lost: usize,
    /// Predictions, scans, analyses or ends beyond one for each.
    pub(crate) twice: usize,
    /// What there was too much of.
    pub(crate) beyond: Vec<&'static str>,
}

impl Tally {
    fn count_beyond(&mut self, what: &'static str, seen: usize, wanted: usize) {
        if seen > wanted {
            self.twice += seen - wanted;
            self.beyond.push(what);
        }
    }
}

impl Site {
    /// None where a server or the ONNX Runtime is not here (in CI that is a failure).
    pub(crate) async fn start(store: ObjectStore) -> Option<Self> {
        let onnxruntime = onnxruntime()?;
        let for_objects = match store {
            ObjectStore::Folder => OBJECTS_MEBIBYTES,
            ObjectStore::S3 => S3_MEBIBYTES,
        };
        let disks = SmallDisk::mount(for_objects)
            .zip(SmallDisk::mount(DATABASE_MEBIBYTES))
            .map(|(objects, database)| Disks { objects, database });
        let broker = tokio::task::block_in_place(RabbitMq::start)?;
        let postgresql = tokio::task::block_in_place(|| match &disks {
            Some(disks) => PostgreSql::start_in(disks.database.folder()),
            None => PostgreSql::start(),
        })?;
        let folder = tempfile::tempdir().unwrap();
        let objects = match &disks {
            Some(disks) => disks.objects.folder().join("objects"),
            None => folder.path().join("objects"),
        };
        let database_url = postgresql.fresh_database();
        let (database_line, proxied_database) = Proxy::before(&database_url);
        let (broker_line, proxied_broker) = Proxy::before(&broker.url());
        let file = folder.path().join("phantom.zip");
        phantom_zip(&PhantomOptions::small(), &file).unwrap();
        let port = free_port();
        let in_folder = |name: &str| folder.path().join(name).display().to_string();
        let s3 = match store {
            ObjectStore::Folder => None,
            ObjectStore::S3 => Some(tokio::task::block_in_place(|| SeaweedFs::start_in(&objects))?),
        };
        let (s3_line, s3_settings) = s3.as_ref().map(s3_behind_a_line).unzip();
        let mut environment = vec![
            ("NORMA__DATABASE__URL", proxied_database),
            ("NORMA__DATABASE__CONNECTIONS", "4".to_owned()),
            ("NORMA__QUEUE__KIND", "rabbitmq".to_owned()),
            ("NORMA__QUEUE__RABBITMQ__URL", proxied_broker),
            ("NORMA__OBJECTS__FOLDER", objects.display().to_string()),
            ("NORMA__MODELS__BUNDLE", test_bundle().display().to_string()),
            ("NORMA__MODELS__ONNXRUNTIME", onnxruntime.display().to_string()),
            ("NORMA__MODELS__CUDA", "off".to_owned()),
            ("NORMA__MODELS__THREADS", "1".to_owned()),
            ("NORMA__IDENTITY__AUTHENTICATION", "off".to_owned()),
            ("NORMA__GATEWAY__PORT", port.to_string()),
            ("NORMA__GATEWAY__SPOOL_FOLDER", in_folder("spool")),
            ("NORMA__GATEWAY__STORAGE__FREE_FLOOR_BYTES", "1048576".to_owned()),
            (
                "NORMA__GATEWAY__STORAGE__WRITTEN_PER_STUDY_BYTES",
                "1048576".to_owned(),
            ),
            ("NORMA__WORKERS__SCRATCH_FOLDER", in_folder("scratch")),
            ("NORMA__TELEMETRY__FORMAT", "json".to_owned()),
        ];
        environment.extend(s3_settings.unwrap_or_default());
        let mut site = Self {
            services: BTreeMap::new(),
            database: Database::open(&database_url).await.unwrap(),
            gateway: format!("http://127.0.0.1:{port}"),
            upload: std::fs::read(&file).unwrap().into(),
            broker,
            postgresql,
            s3_line,
            s3,
            broker_line,
            database_line,
            environment,
            folder,
            disks,
        };
        for service in Service::all() {
            site.start_service(service);
        }
        let ready = format!("{}/readyz", site.gateway);
        site.eventually("the gateway is ready", async || {
            let answer = reqwest::get(&ready).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        Some(site)
    }

    pub(crate) fn start_service(&mut self, service: Service) {
        let mut command = logged_command(env!("CARGO_BIN_EXE_norma"), service.name(), &self.log(service));
        command
            .current_dir(self.folder.path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("NORMA__ADMIN__PORT", free_port().to_string());
        let process = GuardedProcess::spawn(command, &self.folder.path().join("of-guard")).unwrap();
        self.services.insert(service, process);
    }

    pub(crate) fn s3(&mut self) -> &mut SeaweedFs {
        self.s3.as_mut().unwrap()
    }

    pub(crate) fn process(&self, service: Service) -> &GuardedProcess {
        &self.services[&service]
    }

    /// `kill -9`, of what it started too.
    pub(crate) fn kill(&mut self, service: Service) {
        if let Some(mut process) = self.services.remove(&service) {
            process.kill_with_children();
        }
    }

    /// What became of these, and nothing else: the tables are as they were before.
    pub(crate) async fn tally(&self, predictions: &[String]) -> Tally {
        let started = Instant::now();
        let mut tally = Tally::default();
        for id in predictions {
            match self.end_of(id, started).await {
                None => tally.lost += 1,
                Some(analysis) => {
                    let report = self.database.report(analysis.id).await.unwrap();
                    match (report, analysis.failure) {
                        (Some(_), None) => tally.ended += 1,
                        (_, failure) => tally.failed.push(format!("{failure:?}")),
                    }
                    let completed = self.times_completed(&analysis.id.to_string());
                    tally.count_beyond("an end", completed, 1);
                }
            }
        }
        let count = predictions.len();
        let mut unique = predictions.to_vec();
        unique.sort();
        unique.dedup();
        tally.count_beyond("a prediction", count, unique.len());
        let scans = self
            .database
            .list_scans(Default::default(), Default::default())
            .await;
        tally.count_beyond("a scan", usize::try_from(scans.unwrap().total).unwrap(), count);
        let analyses: u64 = self.database.count_analyses().await.unwrap().values().sum();
        tally.count_beyond("an analysis", usize::try_from(analyses).unwrap(), count);
        self.forget_all().await;
        tally
    }

    async fn end_of(&self, prediction: &str, started: Instant) -> Option<Analysis> {
        loop {
            let prediction = self.database.prediction(prediction.parse().unwrap()).await;
            if let Ok(Some(prediction)) = prediction
                && let Some(analysis) = prediction.scans.into_iter().next().and_then(|scan| scan.analysis)
                && analysis.status.is_final()
            {
                return Some(analysis);
            }
            if started.elapsed() > PATIENCE {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// So that the next fault finds empty tables and an empty disk.
    async fn forget_all(&self) {
        loop {
            let page = norma_database::Page {
                limit: 100,
                offset: 0,
            };
            let scans = self.database.list_scans(Default::default(), page).await.unwrap();
            if scans.items.is_empty() {
                return;
            }
            for scan in scans.items {
                let url = format!("{}/api/scans/{}", self.gateway, scan.id);
                // What cannot be deleted now is found again by the loop.
                let _ = reqwest::Client::new().delete(url).send().await;
            }
        }
    }

    /// The report worker says so after each commit that ended an analysis.
    fn times_completed(&self, id: &str) -> usize {
        let log = std::fs::read_to_string(self.log(Service::Worker(Stage::Report))).unwrap_or_default();
        log.lines()
            .filter(|line| line.contains("\"message\":\"completed\"") && line.contains(id))
            .count()
    }

    async fn eventually(&self, what: &str, mut look: impl AsyncFnMut() -> Option<()>) {
        let started = Instant::now();
        while look().await.is_none() {
            assert!(
                started.elapsed() < PATIENCE,
                "never: {what}\n{}",
                self.last_words()
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn log(&self, service: Service) -> PathBuf {
        self.folder.path().join(format!("{}.log", service.name()))
    }

    pub(crate) fn last_words(&self) -> String {
        let mut words = String::new();
        for service in Service::all() {
            let log = std::fs::read_to_string(self.log(service)).unwrap_or_default();
            let lines: Vec<_> = log.lines().rev().take(15).collect();
            for line in lines.into_iter().rev() {
                words.push_str(&format!("{}: {line}\n", service.name()));
            }
        }
        words
    }
}

/// A relay before the server, and the settings of services that reach it there.
fn s3_behind_a_line(s3: &SeaweedFs) -> (Proxy, Vec<(&'static str, String)>) {
    let (line, endpoint) = Proxy::before(&s3.endpoint());
    let [access_key, secret_key] = s3.credentials().map(ToOwned::to_owned);
    let settings = vec![
        ("NORMA__OBJECTS__KIND", "s3".to_owned()),
        ("NORMA__OBJECTS__S3__ENDPOINT", endpoint),
        ("NORMA__OBJECTS__S3__BUCKET", s3.bucket().to_owned()),
        ("NORMA__OBJECTS__S3__ACCESS_KEY_ID", access_key),
        ("NORMA__OBJECTS__S3__SECRET_ACCESS_KEY", secret_key),
    ];
    (line, settings)
}
