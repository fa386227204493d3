//! One process or many: the same scores.

use std::collections::BTreeMap;

use bytes::Bytes;
use norma_domain::{Probability, Report, Stage, StageOutcome};
use norma_test_support::real_data;

use crate::ONE_AT_A_TIME;
use crate::embedded::Embedded;
use crate::installation::Installation;
use crate::studies::shipped_bundle;

const SERIES: [&str; 3] = [
    "covid-ct-md_normal001",
    "covid-ct-md_covid-P001",
    "lidc-idri-0001_mass",
];
const TOLERANCE: f64 = 1e-4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_and_many_give_the_same_scores() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(data) = real_data() else { return };
    let uploads = SERIES.map(|name| {
        let file = data.join(format!("series/{name}.zip"));
        Bytes::from(std::fs::read(file).unwrap())
    });

    let Some(installation) = Installation::start(&shipped_bundle()).await else {
        return;
    };
    let mut analyses = Vec::new();
    for upload in &uploads {
        analyses.push(installation.request(upload.clone()).await);
    }
    installation.assert_all_reported(&analyses).await;
    let mut distributed = Vec::new();
    for id in analyses {
        distributed.push(installation.report(id).await);
    }
    drop(installation);

    let mut embedded = Embedded::start(&shipped_bundle()).await.unwrap();
    for ((name, upload), distributed) in SERIES.into_iter().zip(uploads).zip(&distributed) {
        let embedded = embedded.read(upload).await;
        assert_eq!(embedded.verdict, distributed.verdict, "{name}");
        assert_eq!(embedded.bundle, distributed.bundle, "{name}");
        assert_eq!(embedded.decided_by, distributed.decided_by, "{name}");
        assert_eq!(embedded.selected_slices, distributed.selected_slices, "{name}");
        assert_eq!(embedded.quality, distributed.quality, "{name}");
        let (one, many) = (scores(&embedded), scores(distributed));
        let names = |scores: &BTreeMap<String, f64>| scores.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&one), names(&many), "{name}");
        let mut furthest = 0.0_f64;
        for (what, value) in &one {
            let difference = (value - many[what]).abs();
            assert!(
                difference <= TOLERANCE,
                "{name}: {what}: {value} and {}",
                many[what]
            );
            furthest = furthest.max(difference);
        }
        println!(
            "{name}: {} {:?}, {} scores, at most {furthest:.1e} apart",
            embedded.verdict,
            embedded.probability_of_pathology.map(Probability::value),
            one.len()
        );
    }
}

/// Every score of a report by a name of its own.
fn scores(report: &Report) -> BTreeMap<String, f64> {
    let mut scores = BTreeMap::new();
    let probability = report.probability_of_pathology.expect("a probability");
    scores.insert("probability of pathology".to_owned(), probability.value());
    scores.insert("anomaly score".to_owned(), report.anomaly_score.expect("a score"));
    assert_eq!(report.stages.len(), Stage::MODELS.len());
    for stage in &report.stages {
        let StageOutcome::Completed(result) = &stage.outcome else {
            panic!("{:?}", stage.outcome);
        };
        let stage = stage.stage;
        assert_eq!(result.score.is_none(), stage == Stage::Typing);
        if let Some(score) = result.score {
            scores.insert(format!("{stage}"), score.value());
        }
        for slice in &result.slice_scores {
            scores.insert(format!("{stage}, slice {}", slice.slice), slice.score);
        }
        for component in &result.components {
            let name = format!("{stage}, {}", component.name);
            scores.insert(format!("{name}, raw"), component.raw);
            scores.insert(format!("{name}, normalised"), component.normalised);
            for slice in &component.slice_scores {
                scores.insert(format!("{name}, slice {}", slice.slice), slice.score);
            }
        }
        for finding in &result.findings {
            scores.insert(format!("{stage}, {}", finding.label), finding.probability.value());
        }
    }
    scores
}
