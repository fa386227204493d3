//! `norma serve` as a process: everything in one, over SQLite and a folder.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use norma_database::Database;
use norma_domain::{AnalysisId, Report};
use norma_object_storage::Objects;
use norma_test_support::servers::{GuardedProcess, free_port};
use tempfile::TempDir;

use crate::studies::{onnxruntime, request_study};

const PATIENCE: Duration = Duration::from_secs(400);

pub(crate) struct Embedded {
    process: GuardedProcess,
    database: Database,
    objects: Objects,
    _folder: TempDir,
}

impl Embedded {
    /// None where the ONNX Runtime is not here (in CI that is a failure).
    pub(crate) async fn start(bundle: &Path) -> Option<Self> {
        let onnxruntime = onnxruntime()?;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_norma"));
        command
            .args(["serve", "--listen", &address, "--data"])
            .arg(&data)
            .current_dir(folder.path())
            .env("NORMA__MODELS__BUNDLE", bundle)
            .env("NORMA__MODELS__ONNXRUNTIME", onnxruntime)
            .env("NORMA__MODELS__CUDA", "off");
        let mut process = GuardedProcess::spawn(command, &folder.path().join("of-guard")).unwrap();
        let started = Instant::now();
        let is_ready = async || {
            let answer = reqwest::get(format!("http://{address}/readyz")).await;
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        while !is_ready().await {
            assert!(process.is_running(), "norma serve ended at its start");
            assert!(started.elapsed() < PATIENCE, "norma serve is never ready");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let database = format!("sqlite://{}", data.join("norma.db").display());
        Some(Self {
            process,
            database: Database::open(&database).await.unwrap(),
            objects: Objects::folder(&data.join("objects")).unwrap(),
            _folder: folder,
        })
    }

    /// The report of a study, once it is there.
    pub(crate) async fn read(&mut self, upload: Bytes) -> Report {
        let (_, analysis_id) = request_study(&self.database, &self.objects, upload).await;
        let started = Instant::now();
        while !self.has_ended(analysis_id).await {
            assert!(self.process.is_running(), "norma serve ended");
            assert!(started.elapsed() < PATIENCE, "the analysis never ends");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.database
            .report(analysis_id)
            .await
            .unwrap()
            .expect("a report")
    }

    async fn has_ended(&self, id: AnalysisId) -> bool {
        let analysis = self.database.analysis(id).await.unwrap();
        analysis.is_some_and(|analysis| analysis.status.is_final())
    }
}
