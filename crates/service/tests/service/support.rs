//! A context over a fresh SQLite file, a folder and the in-process queue.

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use norma_database::{NewAnalysis, NewScan, ScanIdentity};
use norma_domain::{AnalysisId, OperatingPointName, Priority, ScanId};
use norma_messages::Message;
use norma_service::{Context, Settings, Telemetry, announce};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub(crate) struct TestContext {
    pub(crate) context: Context,
    /// Holds everything; `objects` in it is the object storage.
    folder: TempDir,
}

impl TestContext {
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

pub(crate) async fn open(adjust: impl FnOnce(&mut Settings)) -> TestContext {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::base();
    settings.database.url = format!("sqlite://{}", folder.path().join("norma.db").display()).into();
    settings.database.connections = 2;
    settings.objects.folder = folder.path().join("objects");
    settings.queue.delivery_limit = 2;
    settings.workers.retry_pause_ms = 1;
    settings.workers.retry_pause_max_ms = 5;
    settings.workers.shutdown_grace_seconds = 1;
    settings.outbox.poll_interval_ms = 20;
    adjust(&mut settings);
    let telemetry = Telemetry::install(&settings.telemetry, "test").unwrap();
    let context = Context::open(settings, telemetry, "test", CancellationToken::new())
        .await
        .unwrap();
    TestContext { context, folder }
}

/// A scan and its analysis, requested and announced as the gateway does it.
pub(crate) async fn request_analysis(context: &Context, deadline: TimeDelta) -> AnalysisId {
    let scan_id = ScanId::generate();
    let analysis_id = AnalysisId::generate();
    let scan = NewScan {
        id: scan_id,
        patient_id: None,
        description: String::new(),
        file_name: "study.zip".to_owned(),
        sha256: "0".repeat(64),
        size_bytes: 1,
        object_key: String::new(),
        owner: None,
        identity: ScanIdentity::default(),
        study_uid: None,
        request: None,
    };
    context.database.create_scan(scan).await.unwrap();
    let analysis = NewAnalysis {
        id: analysis_id,
        scan_id,
        operating_point: OperatingPointName("youden".to_owned()),
        bundle_version: "test".to_owned(),
        operating_point_named: false,
        threshold_proposal_id: None,
        deadline_at: Utc::now() + deadline,
        priority: Priority::Routine,
        requested_by: None,
        most_urgent: Some(1),
        message: announce(Message::AnalyzeRequested { analysis_id, scan_id }),
    };
    assert!(context.database.request_analysis(analysis).await.unwrap().created);
    analysis_id
}

pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < Duration::from_secs(30), "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
