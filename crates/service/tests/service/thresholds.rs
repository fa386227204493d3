//! Which thresholds an analysis is held to.

use std::path::Path;

use chrono::TimeDelta;
use norma_database::{Analysis, Database, Decided, NewThresholdProposal};
use norma_domain::{OperatingPointName, Probability, ThresholdProposalId};
use norma_inference::{AcceptedPoints, Bundle};
use norma_service::{BundleInUse, bundle_of_analysis};

use crate::support::{open, request_analysis};

fn installed() -> Bundle {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../inference/tests/fixtures/bundle");
    Bundle::load(&folder).unwrap()
}

/// Accepts a point `site` with this threshold for the installed bundle of this hash.
async fn accept(database: &Database, threshold: f64, installed_sha256: &str) -> ThresholdProposalId {
    let bundle = installed();
    let mut point = bundle.operating_points()[0].clone();
    point.name = OperatingPointName("site".to_owned());
    point.threshold = Probability::new(threshold).unwrap();
    let text = bundle.file().with_site_point(point).to_text().unwrap();
    let made = bundle
        .with_accepted_points(&AcceptedPoints::parse(text.clone()).unwrap())
        .unwrap();
    let acting = database
        .acting_threshold_proposal(installed_sha256.to_owned())
        .await;
    let new = NewThresholdProposal {
        method: "labelled".to_owned(),
        installed_sha256: installed_sha256.to_owned(),
        based_on: acting.unwrap().map(|acting| acting.id),
        bundle_version: made.reference().version.clone(),
        bundle_sha256: made.reference().sha256.clone(),
        bundle_file: text,
        report: serde_json::json!({}),
        created_by: "test".to_owned(),
    };
    let id = database.add_threshold_proposal(new).await.unwrap().id;
    let decided = database.decide_threshold_proposal(id, true, "test".to_owned(), None);
    assert!(matches!(decided.await.unwrap(), Some(Decided::Done(_))));
    id
}

/// Of the point `site`; None where the bundle has none.
fn site_threshold(bundle: &Bundle) -> Option<f64> {
    let point = bundle.operating_point(&OperatingPointName("site".to_owned()));
    point.map(|point| point.threshold.value())
}

#[tokio::test]
async fn an_analysis_is_held_to_what_acted_when_it_was_requested() {
    let test = open(|_| {}).await;
    let database = &test.context.database;
    let installed = installed();
    let sha256 = installed.installed().sha256.as_str();
    let asked = request_analysis(&test.context, TimeDelta::hours(1)).await;
    let asked = database.analysis(asked).await.unwrap().unwrap();
    let held_to = async |point: &str, id| {
        let analysis = Analysis {
            operating_point: OperatingPointName(point.to_owned()),
            threshold_proposal_id: id,
            ..asked.clone()
        };
        let bundle = bundle_of_analysis(&installed, &analysis, database).await.unwrap();
        assert_eq!(bundle.installed(), installed.reference());
        site_threshold(&bundle)
    };
    let acting = async || BundleInUse::of(&installed, database).await.unwrap();
    assert_eq!(acting().await.threshold_proposal_id, None);
    // A gateway of before notes no thresholds; none act.
    assert_eq!(held_to("site", None).await, None);

    let first = accept(database, 0.2, sha256).await;
    let second = accept(database, 0.3, sha256).await;
    let of_another = accept(database, 0.4, &"0".repeat(64)).await;
    let now = acting().await;
    assert_eq!(
        (now.threshold_proposal_id, site_threshold(&now.bundle)),
        (Some(second), Some(0.3))
    );
    assert_eq!(held_to("youden", None).await, None);
    assert_eq!(held_to("site", Some(first)).await, Some(0.2));
    // Of a gateway of before, and of another installed bundle: what acts on this one.
    assert_eq!(held_to("site", None).await, Some(0.3));
    assert_eq!(held_to("site", Some(of_another)).await, Some(0.3));

    let withdrawn = database.withdraw_threshold_proposal(second, "test".to_owned(), None);
    assert!(matches!(withdrawn.await.unwrap(), Some(Decided::Done(_))));
    assert_eq!(acting().await.threshold_proposal_id, Some(first));
    assert_eq!(held_to("site", Some(second)).await, Some(0.3));
}

/// Another database tells: it does not know the proposal.
#[tokio::test]
async fn what_a_proposal_says_is_read_once() {
    let (test, other) = (open(|_| {}).await, open(|_| {}).await);
    let installed = installed();
    let database = &test.context.database;
    let id = accept(database, 0.25, &installed.installed().sha256).await;
    let asked = request_analysis(&test.context, TimeDelta::hours(1)).await;
    let analysis = Analysis {
        operating_point: OperatingPointName("site".to_owned()),
        threshold_proposal_id: Some(id),
        ..database.analysis(asked).await.unwrap().unwrap()
    };
    for database in [database, &other.context.database] {
        let bundle = bundle_of_analysis(&installed, &analysis, database).await.unwrap();
        assert_eq!(site_threshold(&bundle), Some(0.25));
    }
}
