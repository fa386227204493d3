//! What tests of the whole line need: a study requested as the gateway does it, and models.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use norma_database::{Database, NewAnalysis, NewScan, Owner, ScanIdentity};
use norma_domain::{AnalysisId, OperatingPointName, PatientId, Priority, ScanId, ThresholdProposalId};
use norma_messages::Message;
use norma_object_storage::{ObjectKey, Objects};
use norma_service::announce;

/// Stores an upload and requests its analysis.
#[allow(dead_code, reason = "not every test has a database")]
pub(crate) async fn request_study(
    database: &Database,
    objects: &Objects,
    upload: Bytes,
) -> (ScanId, AnalysisId) {
    request_study_of(database, objects, upload, None).await
}

/// The same for a study of a patient.
#[allow(dead_code, reason = "not every test has patients")]
pub(crate) async fn request_study_of(
    database: &Database,
    objects: &Objects,
    upload: Bytes,
    patient_id: Option<PatientId>,
) -> (ScanId, AnalysisId) {
    request_turn(database, objects, upload, patient_id, (None, Priority::Routine)).await
}

/// The same by somebody who takes turns with others.
pub(crate) async fn request_turn(
    database: &Database,
    objects: &Objects,
    upload: Bytes,
    patient_id: Option<PatientId>,
    turn: (Option<Owner>, Priority),
) -> (ScanId, AnalysisId) {
    request_question(database, objects, upload, (patient_id, "youden", None), turn).await
}

/// The same at an operating point, held to the thresholds of an accepted proposal.
pub(crate) async fn request_question(
    database: &Database,
    objects: &Objects,
    upload: Bytes,
    (patient_id, operating_point, threshold_proposal_id): (
        Option<PatientId>,
        &str,
        Option<ThresholdProposalId>,
    ),
    (requested_by, priority): (Option<Owner>, Priority),
) -> (ScanId, AnalysisId) {
    let scan_id = ScanId::generate();
    let key = ObjectKey::Original(scan_id);
    let size_bytes = upload.len() as u64;
    objects.put(key, upload).await.unwrap();
    let scan = NewScan {
        id: scan_id,
        patient_id,
        description: String::new(),
        file_name: "phantom.zip".to_owned(),
        sha256: "0".repeat(64),
        size_bytes,
        object_key: key.to_string(),
        owner: None,
        identity: ScanIdentity::default(),
        study_uid: None,
        request: None,
    };
    database.create_scan(scan).await.unwrap();
    let question = (operating_point, threshold_proposal_id);
    let analysis_id = ask_of(database, scan_id, question, (requested_by, priority)).await;
    (scan_id, analysis_id)
}

/// Requests another analysis of a study, whose last one has ended.
#[allow(dead_code, reason = "not every test asks twice")]
pub(crate) async fn request_again(database: &Database, scan_id: ScanId) -> AnalysisId {
    ask_of(database, scan_id, ("youden", None), (None, Priority::Routine)).await
}

async fn ask_of(
    database: &Database,
    scan_id: ScanId,
    (operating_point, threshold_proposal_id): (&str, Option<ThresholdProposalId>),
    (requested_by, priority): (Option<Owner>, Priority),
) -> AnalysisId {
    let analysis_id = AnalysisId::generate();
    let analysis = NewAnalysis {
        id: analysis_id,
        scan_id,
        operating_point: OperatingPointName(operating_point.to_owned()),
        bundle_version: "test".to_owned(),
        operating_point_named: false,
        threshold_proposal_id,
        deadline_at: Utc::now() + TimeDelta::hours(1),
        priority,
        requested_by,
        most_urgent: Some(1),
        message: announce(Message::AnalyzeRequested { analysis_id, scan_id }),
    };
    database.request_analysis(analysis).await.unwrap();
    analysis_id
}

/// Models with random weights: what they answer does not matter here.
pub(crate) fn test_bundle() -> PathBuf {
    workspace_root().join("crates/inference/tests/fixtures/bundle/bundle.yaml")
}

#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub(crate) fn onnxruntime() -> Option<PathBuf> {
    let named = std::env::var_os(norma_inference::LIBRARY_VARIABLE).map(PathBuf::from);
    let library = named.unwrap_or_else(|| workspace_root().join(norma_inference::INSTALLED_LIBRARY));
    if library.exists() {
        return Some(library.canonicalize().unwrap());
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "no ONNX Runtime, and in CI no test is skipped"
    );
    println!("skipped: no ONNX Runtime at {}", library.display());
    None
}

/// The product's own models.
#[allow(dead_code, reason = "not every test reads with them")]
pub(crate) fn shipped_bundle() -> PathBuf {
    workspace_root().join("models/bundle.yaml")
}

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}
