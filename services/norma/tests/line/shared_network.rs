//! A network that several stages read.

use norma_domain::{AnalysisId, AnalysisStatus, Probability, Stage, StageOutcome};
use norma_object_storage::ObjectKey;
use norma_pipeline::{decode_known_outputs, encode_known_outputs};
use norma_service::Settings;

use crate::studies::onnxruntime;
use crate::{Line, phantom};

impl Line {
    /// The study's score, where a stage gives one, and the slices' scores, by model stage.
    async fn scores_of(&self, id: AnalysisId) -> [Vec<f64>; 3] {
        let outcomes = self.context.database.stage_outcomes(id).await.unwrap();
        Stage::MODELS.map(|stage| {
            let outcome = outcomes.iter().find(|outcome| outcome.stage() == stage);
            let Some(StageOutcome::Completed(result)) = outcome else {
                panic!("{stage}: {outcome:?}");
            };
            let of_slices = result.slice_scores.iter().map(|slice| slice.score);
            result
                .score
                .map(Probability::value)
                .into_iter()
                .chain(of_slices)
                .collect()
        })
    }
}

/// The shipped models read one network. It runs before their stages, each is handed what it reads, and what does not fit is
/// read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_stages_share_runs_before_them() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let shipped = |settings: &mut Settings| {
        settings.models.bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/bundle.yaml").into();
    };
    let alone = Line::start(onnxruntime.clone(), |settings| {
        shipped(settings);
        settings.models.shared_pass = false;
    })
    .await;
    let analysis_id = alone.request(phantom()).await;
    alone.end_of(analysis_id).await;
    let expected = alone.scores_of(analysis_id).await;
    alone.stop().await;

    let line = Line::start_with(&[Stage::Preprocess], onnxruntime, shipped).await;
    let (whole, tampered) = (line.request(phantom()).await, line.request(phantom()).await);
    let objects = &line.context.objects;
    for analysis_id in [whole, tampered] {
        line.eventually("the study is prepared", async || {
            let prepared = line.context.database.prepared(analysis_id).await;
            prepared.unwrap().is_some()
        })
        .await;
        for stage in Stage::MODELS {
            let key = ObjectKey::KnownOutputs(analysis_id, stage);
            assert!(objects.exists(key).await.unwrap(), "{key}");
        }
    }
    // A stage believes what it is handed for its slices; what is damaged or missing it reads itself.
    let key = |stage| ObjectKey::KnownOutputs(tampered, stage);
    let slices = objects.get(ObjectKey::PreparedSlices(tampered)).await.unwrap();
    let known = objects.get(key(Stage::Classifier)).await.unwrap();
    let mut known = decode_known_outputs(&known, &slices).unwrap().unwrap();
    for reading in &mut known.readings {
        reading.outputs[0].1.fill(9.0);
    }
    let known = encode_known_outputs(&known, &slices).unwrap();
    objects.put(key(Stage::Classifier), known.into()).await.unwrap();
    objects.put(key(Stage::Anomaly), "damaged".into()).await.unwrap();
    objects.delete(key(Stage::Typing)).await.unwrap();

    let rest = Line::run(
        &line.context,
        &[Stage::Anomaly, Stage::Classifier, Stage::Typing, Stage::Report],
    );
    for analysis_id in [whole, tampered] {
        assert_eq!(line.end_of(analysis_id).await.status, AnalysisStatus::Completed);
        for stage in Stage::MODELS {
            let key = ObjectKey::KnownOutputs(analysis_id, stage);
            line.eventually("what was read is forgotten", async || {
                !objects.exists(key).await.unwrap()
            })
            .await;
        }
    }
    assert_eq!(line.scores_of(whole).await, expected);
    let [anomaly, classifier, typing] = line.scores_of(tampered).await;
    assert_eq!([&anomaly, &typing], [&expected[0], &expected[2]]);
    assert!(classifier[0] > 0.999 && expected[1][0] < 0.999, "{classifier:?}");
    line.stop().await;
    rest.await.unwrap().unwrap();
}
