//! The whole line in one process, over SQLite, a folder and the in-process queue: what becomes of a study.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod alone;
mod reference_method;
mod shadow;
mod shared_network;
#[path = "../studies/mod.rs"]
mod studies;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use norma_database::{Analysis, PatientDetails};
use norma_domain::{AnalysisId, AnalysisStatus, ReasonCode, Stage, StageOutcome};
use norma_encryption::KeyRing;
use norma_messages::{Envelope, Message};
use norma_object_storage::ObjectKey;
use norma_service::{Context, ObjectsKind, Process, Settings, Telemetry};
use norma_test_support::servers::S3;
use norma_test_support::{Lungs, PhantomOptions, phantom_zip};
use studies::{onnxruntime, request_study, request_study_of, test_bundle};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(180);

struct Line {
    context: Context,
    ended: JoinHandle<anyhow::Result<()>>,
    _folder: TempDir,
}

impl Line {
    async fn start(onnxruntime: PathBuf, adjust: impl FnOnce(&mut Settings)) -> Self {
        Self::start_with(&Stage::ALL, onnxruntime, adjust).await
    }

    /// A line on which only some of the stages are at work.
    async fn start_with(stages: &[Stage], onnxruntime: PathBuf, adjust: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::base();
        settings.database.url = format!("sqlite://{}", folder.path().join("norma.db").display()).into();
        settings.objects.folder = folder.path().join("objects");
        settings.workers.scratch_folder = Some(folder.path().join("scratch"));
        settings.workers.retry_pause_ms = 10;
        settings.models.bundle = test_bundle();
        settings.models.onnxruntime = Some(onnxruntime);
        settings.models.threads = 1;
        settings.sandbox.program = Some(env!("CARGO_BIN_EXE_norma").into());
        adjust(&mut settings);
        let telemetry = Telemetry::install(&settings.telemetry, "test").unwrap();
        let context = Context::open(settings, telemetry, "test", CancellationToken::new())
            .await
            .unwrap();
        let ended = Self::run(&context, stages);
        Self {
            context,
            ended,
            _folder: folder,
        }
    }

    /// Puts stages to work until the context's shutdown.
    fn run(context: &Context, stages: &[Stage]) -> JoinHandle<anyhow::Result<()>> {
        let mut process = Process::with_context(context.clone());
        for stage in stages {
            let context = context.clone();
            match stage {
                Stage::Preprocess => process.spawn("preprocess", norma_preprocess::run(context)),
                Stage::Anomaly => process.spawn("anomaly", norma_anomaly::run(context)),
                Stage::Classifier => process.spawn("classifier", norma_classifier::run(context)),
                Stage::Typing => process.spawn("typing", norma_typing::run(context)),
                Stage::Report => process.spawn("report", norma_report::run(context)),
            }
        }
        tokio::spawn(process.wait())
    }

    async fn request(&self, upload: Bytes) -> AnalysisId {
        let (_, analysis_id) = request_study(&self.context.database, &self.context.objects, upload).await;
        analysis_id
    }

    /// The analysis once it has ended.
    async fn end_of(&self, id: AnalysisId) -> Analysis {
        let mut ended = None;
        self.eventually("the analysis ends", async || {
            ended = self.context.database.analysis(id).await.unwrap();
            ended.as_ref().is_some_and(|analysis| analysis.status.is_final())
        })
        .await;
        ended.unwrap()
    }

    async fn eventually(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let started = Instant::now();
        while !is_so().await {
            assert!(started.elapsed() < PATIENCE, "never: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn is_quiet(&self) -> bool {
        for stage in Stage::ALL {
            if self.context.queue.depth(stage).await.unwrap() != 0 {
                return false;
            }
        }
        self.context.database.count_unpublished().await.unwrap() == 0
    }

    /// Ends in order, with nothing left anywhere.
    async fn stop(self) {
        self.eventually("everything is handled", async || self.is_quiet().await)
            .await;
        assert_eq!(self.context.queue.dead_letter_depth().await.unwrap(), 0);
        self.context.shutdown.cancel();
        self.ended.await.unwrap().unwrap();
    }
}

fn phantom() -> Bytes {
    static PHANTOM: OnceLock<Bytes> = OnceLock::new();
    PHANTOM
        .get_or_init(|| phantom_of(&PhantomOptions::small()))
        .clone()
}

fn phantom_of(options: &PhantomOptions) -> Bytes {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("phantom.zip");
    phantom_zip(options, &file).unwrap();
    std::fs::read(file).unwrap().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_study_gets_one_report_however_often_its_messages_come() {
    let Some(onnxruntime) = onnxruntime() else { return };
    // Encrypted all the way.
    let keys = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(keys.path(), KeyRing::new_line("1").unwrap()).unwrap();
    let line = Line::start(onnxruntime, |settings| {
        settings.encryption.keys_file = Some(keys.path().to_owned());
    })
    .await;
    let analysis_id = line.request(phantom()).await;
    let analysis = line.end_of(analysis_id).await;
    assert_eq!(analysis.failure, None);
    assert_eq!(analysis.status, AnalysisStatus::Completed);
    let report = line.context.database.report(analysis_id).await.unwrap().unwrap();
    assert_eq!(report.stages.len(), 3);
    for stage in &report.stages {
        assert!(
            matches!(stage.outcome, StageOutcome::Completed(_)),
            "{:?}",
            stage.outcome
        );
    }
    for key in [
        ObjectKey::PreparedSlices(analysis_id),
        ObjectKey::PreparedVolume(analysis_id),
        ObjectKey::SegmentMasks(analysis_id),
        ObjectKey::StageMap(analysis_id, Stage::Anomaly),
        ObjectKey::StageMap(analysis_id, Stage::Classifier),
    ] {
        assert!(line.context.objects.exists(key).await.unwrap(), "{key}");
    }

    let scan_id = analysis.scan_id;
    let again = [
        Message::AnalyzeRequested { analysis_id, scan_id },
        Message::StudyPrepared { analysis_id, scan_id },
        Message::StageCompleted {
            analysis_id,
            scan_id,
            stage: Stage::Typing,
        },
    ];
    for message in again {
        line.context.queue.publish(&Envelope::new(message)).await.unwrap();
    }
    line.eventually("the messages are handled", async || line.is_quiet().await)
        .await;
    assert_eq!(line.end_of(analysis_id).await, analysis);
    assert_eq!(
        line.context.database.report(analysis_id).await.unwrap().unwrap(),
        report
    );
    line.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_no_study_fails_with_its_reason() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let line = Line::start(onnxruntime, |_| {}).await;
    let analysis_id = line.request(Bytes::from_static(b"nothing to see")).await;
    let analysis = line.end_of(analysis_id).await;
    assert_eq!(analysis.status, AnalysisStatus::Failed);
    let code = analysis.failure.unwrap().code;
    assert!(
        matches!(code, ReasonCode::NoImagesFound | ReasonCode::UnreadableDicom),
        "{code}"
    );
    assert!(line.context.database.report(analysis_id).await.unwrap().is_none());
    line.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_study_that_is_refused_can_be_looked_at() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let line = Line::start(onnxruntime, |_| {}).await;
    let upload = phantom_of(&PhantomOptions {
        lungs: Lungs::None,
        ..PhantomOptions::small()
    });
    let analysis_id = line.request(upload).await;
    let analysis = line.end_of(analysis_id).await;
    assert_eq!(analysis.status, AnalysisStatus::Failed);
    assert_eq!(analysis.failure.unwrap().code, ReasonCode::NoLungs);
    for (key, is_there) in [
        (ObjectKey::PreparedVolume(analysis_id), true),
        (ObjectKey::RefusedSummary(analysis_id), true),
        (ObjectKey::PreparedSlices(analysis_id), false),
    ] {
        assert_eq!(line.context.objects.exists(key).await.unwrap(), is_there, "{key}");
    }
    // No later stage may take it for a study to read.
    assert!(
        line.context
            .database
            .prepared(analysis_id)
            .await
            .unwrap()
            .is_none()
    );
    line.stop().await;
}

/// Nothing is answered without models: the study waits, and is read once they are there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_models_a_study_waits_for_them() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let later = tempfile::tempdir().unwrap();
    let library = later.path().join("libonnxruntime.so");
    let line = Line::start(library.clone(), |_| {}).await;
    let analysis_id = line.request(phantom()).await;
    line.eventually("the study is prepared", async || {
        line.context
            .database
            .prepared(analysis_id)
            .await
            .unwrap()
            .is_some()
    })
    .await;
    let dependencies = line.context.check_dependencies().await;
    let models = dependencies
        .iter()
        .find(|one| one.name == "models of anomaly")
        .unwrap();
    assert!(
        models.problem.as_ref().unwrap().contains("model_missing"),
        "{models:?}"
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        line.context.database.stage_outcomes(analysis_id).await.unwrap(),
        []
    );

    std::os::unix::fs::symlink(onnxruntime, &library).unwrap();
    let analysis = line.end_of(analysis_id).await;
    assert_eq!(analysis.status, AnalysisStatus::Completed);
    let report = line.context.database.report(analysis_id).await.unwrap().unwrap();
    assert!(report.probability_of_pathology.is_some());
    line.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_bundle_a_study_waits_for_it() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let later = tempfile::tempdir().unwrap();
    let bundle = later.path().join("models");
    let line = Line::start(onnxruntime, |settings| {
        settings.models.bundle = bundle.clone();
    })
    .await;
    let analysis_id = line.request(phantom()).await;
    line.eventually("the study is prepared", async || {
        line.context
            .database
            .prepared(analysis_id)
            .await
            .unwrap()
            .is_some()
    })
    .await;
    std::os::unix::fs::symlink(test_bundle().parent().unwrap(), &bundle).unwrap();
    let analysis = line.end_of(analysis_id).await;
    assert_eq!(analysis.status, AnalysisStatus::Completed);
    line.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_scan_deleted_while_it_is_read_nothing_remains() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let line = Line::start(onnxruntime, |_| {}).await;
    // Each deleted at another moment of the line.
    for moment in [
        AnalysisStatus::Queued,
        AnalysisStatus::Preparing,
        AnalysisStatus::Analyzing,
    ] {
        let (scan_id, analysis_id) =
            request_study(&line.context.database, &line.context.objects, phantom()).await;
        line.eventually("the moment comes", async || {
            let analysis = line
                .context
                .database
                .analysis(analysis_id)
                .await
                .unwrap()
                .unwrap();
            analysis.status == moment || analysis.status.is_final()
        })
        .await;
        let deleted = line.context.database.delete_scan(scan_id).await.unwrap().unwrap();
        line.context
            .objects
            .delete_scan(deleted.scan_id, &deleted.analysis_ids)
            .await
            .unwrap();
    }
    line.eventually("no object is left", async || {
        line.is_quiet().await && line.context.objects.list().await.unwrap().is_empty()
    })
    .await;
    let objects = line.context.objects.clone();
    line.stop().await;
    assert_eq!(objects.list().await.unwrap(), []);
}

/// Deletes patients at each moment of the line, as the gateway does, and searches the storage.
async fn delete_patients_while_they_are_read(line: Line) {
    let context = line.context.clone();
    for moment in [
        AnalysisStatus::Queued,
        AnalysisStatus::Preparing,
        AnalysisStatus::Analyzing,
        AnalysisStatus::Completed,
    ] {
        let details = PatientDetails {
            first_name: "A".to_owned(),
            last_name: "B".to_owned(),
            description: String::new(),
            ..PatientDetails::default()
        };
        let patient = context.database.create_patient(details).await.unwrap();
        let mut analyses = Vec::new();
        for _ in 0..2 {
            let patient_id = Some(patient.id);
            let (_, analysis_id) =
                request_study_of(&context.database, &context.objects, phantom(), patient_id).await;
            analyses.push(analysis_id);
        }
        line.eventually("the moment comes", async || {
            let analysis = context.database.analysis(analyses[0]).await.unwrap().unwrap();
            analysis.status == moment || analysis.status.is_final()
        })
        .await;
        let deleted = context
            .database
            .delete_patient(
                patient.id,
                norma_database::AuditActor::system("test"),
                String::new(),
            )
            .await
            .unwrap()
            .unwrap();
        assert_eq!(deleted.len(), 2);
        for scan in deleted {
            context
                .objects
                .delete_scan(scan.scan_id, &scan.analysis_ids)
                .await
                .unwrap();
        }
        for analysis_id in analyses {
            assert_eq!(context.database.analysis(analysis_id).await.unwrap(), None);
        }
    }
    line.eventually("no object is left", async || {
        line.is_quiet().await && context.objects.list().await.unwrap().is_empty()
    })
    .await;
    let objects = context.objects.clone();
    line.stop().await;
    assert_eq!(objects.list().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_patient_deleted_while_read_no_object_remains_in_a_folder() {
    let Some(onnxruntime) = onnxruntime() else { return };
    delete_patients_while_they_are_read(Line::start(onnxruntime, |_| {}).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_patient_deleted_while_read_no_object_remains_in_a_bucket() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let Some(server) = tokio::task::spawn_blocking(S3::shared).await.unwrap() else {
        return;
    };
    let bucket = tokio::task::spawn_blocking(|| server.fresh_bucket())
        .await
        .unwrap();
    let line = Line::start(onnxruntime, |settings| {
        settings.objects.kind = ObjectsKind::S3;
        settings.objects.s3.endpoint = Some(server.endpoint());
        settings.objects.s3.bucket = bucket;
        settings.objects.s3.access_key_id = Some("norma".to_owned());
        settings.objects.s3.secret_access_key = Some("open-sesame".to_owned().into());
    })
    .await;
    delete_patients_while_they_are_read(line).await;
}
