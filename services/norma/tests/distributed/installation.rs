//! A distributed installation of its own: PostgreSQL, RabbitMQ, a folder of objects, and each worker as a process of
//! the norma binary.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use norma_database::{Database, Owner};
use norma_domain::{AnalysisId, Priority, Report, Stage, ThresholdProposalId};
use norma_object_storage::Objects;
use norma_queue::{Queue, RabbitMqOptions, RabbitMqQueue};
use norma_service::check_installation;
use norma_test_support::servers::{GuardedProcess, PostgreSql, RabbitMq, free_port, logged_command};
use norma_test_support::{PhantomOptions, phantom_zip};
use tempfile::TempDir;

use crate::studies::{onnxruntime, request_question, request_study, request_turn};

/// For ten studies on a machine with two busy cores.
const PATIENCE: Duration = Duration::from_secs(400);
const APPLICATION_ROLE: &str = "norma_application";
const WORKER_ROLE: &str = "norma_worker";
/// Long enough for every disturbance here, short enough to be used up by a worker that dies of its message.
const DELIVERY_LIMIT: &str = "12";

pub(crate) struct Installation {
    // Dropped before the servers that they use.
    workers: BTreeMap<Stage, Worker>,
    second_workers: BTreeMap<Stage, Worker>,
    pub(crate) broker: Option<RabbitMq>,
    pub(crate) postgresql: Option<PostgreSql>,
    pub(crate) database: Database,
    objects: Objects,
    queue: RabbitMqQueue,
    upload: Bytes,
    environment: Vec<(&'static str, String)>,
    /// The database as the workers' own role sees it.
    worker_url: String,
    folder: TempDir,
}

struct Worker {
    process: GuardedProcess,
    admin_port: u16,
}

impl Installation {
    /// None where a server or the ONNX Runtime is not here (in CI that is a failure).
    pub(crate) async fn start(bundle: &Path) -> Option<Self> {
        let onnxruntime = onnxruntime()?;
        let broker = tokio::task::spawn_blocking(RabbitMq::start).await.unwrap()?;
        let postgresql = tokio::task::spawn_blocking(PostgreSql::start).await.unwrap()?;
        let folder = tempfile::tempdir().unwrap();
        let owner_url = postgresql.fresh_database();
        let worker_url = postgresql.role(&owner_url, WORKER_ROLE);
        let database_url = postgresql.role(&owner_url, APPLICATION_ROLE);
        let objects_folder = folder.path().join("objects");
        let upload_file = folder.path().join("phantom.zip");
        phantom_zip(&PhantomOptions::small(), &upload_file).unwrap();
        let environment = vec![
            ("NORMA__DATABASE__URL", database_url.clone()),
            ("NORMA__DATABASE__CONNECTIONS", "4".to_owned()),
            ("NORMA__DATABASE__APPLICATION_ROLE", APPLICATION_ROLE.to_owned()),
            ("NORMA__DATABASE__WORKER_ROLE", WORKER_ROLE.to_owned()),
            ("NORMA__QUEUE__KIND", "rabbitmq".to_owned()),
            ("NORMA__QUEUE__RABBITMQ__URL", broker.url()),
            ("NORMA__QUEUE__DELIVERY_LIMIT", DELIVERY_LIMIT.to_owned()),
            ("NORMA__OBJECTS__FOLDER", objects_folder.display().to_string()),
            ("NORMA__MODELS__BUNDLE", bundle.display().to_string()),
            ("NORMA__MODELS__ONNXRUNTIME", onnxruntime.display().to_string()),
            ("NORMA__MODELS__CUDA", "off".to_owned()),
            ("NORMA__MODELS__THREADS", "1".to_owned()),
            ("NORMA__WORKERS__RETRY_PAUSE_MS", "200".to_owned()),
            ("NORMA__TELEMETRY__FORMAT", "json".to_owned()),
        ];
        let queue = RabbitMqOptions {
            delivery_limit: DELIVERY_LIMIT.parse().unwrap(),
            ..RabbitMqOptions::new(broker.url())
        };
        migrate(&owner_url, &environment);
        let database = Database::open(&database_url).await.unwrap();
        let objects = Objects::folder(&objects_folder).unwrap();
        // As the gateway does before it stores anything; workers may come to it only after the first study.
        check_installation(&database, &objects).await.unwrap();
        let mut installation = Self {
            workers: BTreeMap::new(),
            second_workers: BTreeMap::new(),
            database,
            objects,
            queue: RabbitMqQueue::start(queue).unwrap(),
            upload: std::fs::read(&upload_file).unwrap().into(),
            broker: Some(broker),
            postgresql: Some(postgresql),
            environment,
            worker_url,
            folder,
        };
        for stage in Stage::ALL {
            installation.start_worker(stage);
        }
        Some(installation)
    }

    pub(crate) fn start_worker(&mut self, stage: Stage) {
        let worker = self.spawn_worker(stage, &[]);
        self.workers.insert(stage, worker);
    }

    /// In the place of the stage's worker, with another bundle than the installation's.
    pub(crate) fn start_worker_with_bundle(&mut self, stage: Stage, bundle: &Path) {
        let worker = self.spawn_worker(stage, &[("NORMA__MODELS__BUNDLE", &bundle.display().to_string())]);
        self.workers.insert(stage, worker);
    }

    /// Beside the stage's worker.
    pub(crate) fn start_second_worker(&mut self, stage: Stage, environment: &[(&str, &str)]) {
        let worker = self.spawn_worker(stage, environment);
        self.second_workers.insert(stage, worker);
    }

    fn spawn_worker(&self, stage: Stage, environment: &[(&str, &str)]) -> Worker {
        let admin_port = free_port();
        let mut command = logged_command(env!("CARGO_BIN_EXE_norma"), stage.as_str(), &self.log(stage));
        command
            .current_dir(self.folder.path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        if stage != Stage::Report {
            command.env("NORMA__DATABASE__URL", &self.worker_url);
        }
        command
            .envs(environment.iter().copied())
            .env("NORMA__ADMIN__PORT", admin_port.to_string());
        let scratch = self.folder.path().join("of-worker");
        let process = GuardedProcess::spawn(command, &scratch).unwrap();
        Worker { process, admin_port }
    }

    /// What the second worker of a stage says of its readiness.
    pub(crate) async fn readiness_of_second(&self, stage: Stage) -> Option<(u16, String)> {
        let port = self.second_workers[&stage].admin_port;
        let answer = reqwest::get(format!("http://127.0.0.1:{port}/readyz"))
            .await
            .ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// Asks the worker to end and waits for it.
    pub(crate) fn stop_worker(&mut self, stage: Stage) {
        let mut worker = self.workers.remove(&stage).unwrap();
        worker.process.stop("TERM", Duration::from_secs(30));
    }

    /// `kill -9` of the worker alone: what it started has to notice by itself.
    pub(crate) fn kill_worker(&mut self, stage: Stage) {
        let worker = self.workers.get_mut(&stage).unwrap();
        let killed = Command::new("kill")
            .args(["-KILL", &worker.process.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        while worker.process.is_running() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until a worker has a message in hand.
    pub(crate) async fn wait_until_busy(&self, stage: Stage) {
        let port = self.workers[&stage].admin_port;
        let metric = format!("norma_stage_in_flight{{stage=\"{stage}\"}} ");
        let started = Instant::now();
        loop {
            let metrics = match reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await {
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            let in_flight = metrics.lines().find_map(|line| line.strip_prefix(&metric));
            if in_flight.is_some_and(|count| count != "0") {
                return;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "{stage} is never busy:\n{}",
                self.last_words()
            );
        }
    }

    pub(crate) async fn request_studies(&self, count: usize) -> Vec<AnalysisId> {
        let mut analyses = Vec::new();
        for _ in 0..count {
            analyses.push(self.request(self.upload.clone()).await);
        }
        analyses
    }

    pub(crate) async fn request(&self, upload: Bytes) -> AnalysisId {
        let (_, analysis_id) = request_study(&self.database, &self.objects, upload).await;
        analysis_id
    }

    /// By a key that takes turns with others.
    pub(crate) async fn request_turn(&self, key: &str, priority: Priority) -> AnalysisId {
        let turn = (Some(Owner::Scope(key.to_owned())), priority);
        let upload = self.upload.clone();
        let (_, analysis_id) = request_turn(&self.database, &self.objects, upload, None, turn).await;
        analysis_id
    }

    /// At an operating point, held to the thresholds of an accepted proposal.
    pub(crate) async fn request_held_to(
        &self,
        operating_point: &str,
        proposal: Option<ThresholdProposalId>,
    ) -> AnalysisId {
        let question = (None, operating_point, proposal);
        let turn = (None, Priority::Routine);
        let upload = self.upload.clone();
        let (_, analysis_id) = request_question(&self.database, &self.objects, upload, question, turn).await;
        analysis_id
    }

    /// Of an analysis that has ended.
    pub(crate) async fn report(&self, id: AnalysisId) -> Report {
        self.database.report(id).await.unwrap().expect("a report")
    }

    /// Every analysis has its report, none was ended twice, and nothing waits anywhere.
    pub(crate) async fn assert_all_reported(&self, analyses: &[AnalysisId]) {
        self.eventually("every analysis ends", async || {
            for id in analyses {
                let analysis = self.database.analysis(*id).await.ok()??;
                if !analysis.status.is_final() {
                    return None;
                }
            }
            Some(())
        })
        .await;
        for id in analyses {
            let analysis = self.database.analysis(*id).await.unwrap().unwrap();
            assert_eq!(analysis.failure, None, "{}", self.last_words());
            let report = self.database.report(*id).await.unwrap().expect("a report");
            assert_eq!(report.analysis_id, *id);
            for stage in &report.stages {
                let is_completed = matches!(stage.outcome, norma_domain::StageOutcome::Completed(_));
                assert!(is_completed, "{:?}", stage.outcome);
            }
            assert!(self.times_completed(*id) <= 1, "{id} was completed twice");
        }
        self.eventually("the queues are empty", async || {
            for stage in Stage::ALL {
                if self.queue.depth(stage).await.ok()? != 0 {
                    return None;
                }
            }
            (self.database.count_unpublished().await.ok()? == 0).then_some(())
        })
        .await;
        assert_eq!(self.queue.dead_letter_depth().await.unwrap(), 0);
    }

    /// The report worker says so after each commit that ended an analysis.
    fn times_completed(&self, id: AnalysisId) -> usize {
        let log = std::fs::read_to_string(self.log(Stage::Report)).unwrap_or_default();
        let id = id.to_string();
        log.lines()
            .filter(|line| line.contains("\"message\":\"completed\"") && line.contains(&id))
            .count()
    }

    pub(crate) async fn eventually(&self, what: &str, mut look: impl AsyncFnMut() -> Option<()>) {
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

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn log(&self, stage: Stage) -> PathBuf {
        self.folder.path().join(format!("{stage}.log"))
    }

    pub(crate) fn last_words(&self) -> String {
        let mut words = String::new();
        for stage in Stage::ALL {
            let log = std::fs::read_to_string(self.log(stage)).unwrap_or_default();
            let lines: Vec<_> = log.lines().rev().take(15).collect();
            for line in lines.into_iter().rev() {
                words.push_str(&format!("{stage}: {line}\n"));
            }
        }
        words
    }
}

/// As an operator does before anything is started: with the address of who owns the tables, which nothing else has.
fn migrate(owner_url: &str, environment: &[(&'static str, String)]) {
    let done = Command::new(env!("CARGO_BIN_EXE_norma"))
        .arg("migrate")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .env("NORMA__DATABASE__URL", owner_url)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
}
