//! The reference method's bundle, chosen by the one setting.

use norma_domain::{AnalysisStatus, StageOutcome};

use crate::studies::onnxruntime;
use crate::{Line, phantom};

/// `models.bundle` names `models/reference`; the report tells that bundle, its models and its operating point.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reference_method_reads_a_study_and_the_report_names_it() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/reference/bundle.yaml");
    let line = Line::start(onnxruntime, |settings| settings.models.bundle = bundle.into()).await;
    let analysis_id = line.request(phantom()).await;
    let ended = line.end_of(analysis_id).await;
    assert_eq!(ended.status, AnalysisStatus::Completed);

    let report = line.context.database.report(analysis_id).await.unwrap().unwrap();
    assert_eq!(report.bundle.name, "norma-reference");
    assert!(report.probability_of_pathology.is_some());
    let models: Vec<&str> = report
        .stages
        .iter()
        .filter_map(|stage| match &stage.outcome {
            StageOutcome::Completed(result) => Some(&result.models),
            StageOutcome::Failed(_) => None,
        })
        .flatten()
        .map(|model| model.name.as_str())
        .collect();
    assert_eq!(models, ["autoencoder", "classifier", "typing"]);
    line.stop().await;
}
