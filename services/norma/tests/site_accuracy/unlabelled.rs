use norma_domain::ReasonCode;
use norma_inference::Bundle;
use serde_json::{Value, json};

use crate::answered::AnsweredSite;
use crate::{Site, json, text};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

/// Scores from 0.001 in steps of a thousandth, half of them below the point in use at 0.5 for a thousand.
async fn stream(answered: &AnsweredSite, model: &str, studies: u32, step: f64) {
    for at in 1..=studies {
        answered.answered_on(model, f64::from(at) * step).await;
    }
}

fn of<'a>(report: &'a Value, model: &str) -> &'a Value {
    let profiles = report["profiles"].as_array().unwrap();
    let mut those = profiles
        .iter()
        .filter(|profile| profile["scanner"]["model"] == model);
    those.next().unwrap()
}

#[test]
fn a_stream_without_labels_gives_a_proposal_for_each_scanner() {
    let site = Site::new();
    let (withheld, low) = runtime().block_on(async {
        let answered = AnsweredSite::open(&site).await;
        stream(&answered, "Force", 99, 0.005).await;
        stream(&answered, "Drive", 40, 0.01).await;
        // A norm that the threshold alone withheld counts; one that something else doubts does not.
        let only = [ReasonCode::ThresholdUnverified];
        let withheld = answered.withheld_on("Force", 0.0045, &only).await;
        let too = [ReasonCode::ThresholdUnverified, ReasonCode::CoverageIncomplete];
        answered.withheld_on("Force", 0.0001, &too).await;
        answered.answered(Some(0.2), None).await;
        let (low, _) = answered.answered_otherwise(0.0001).await;
        (withheld, low)
    });
    let output = site.norma(&["calibrate", "--unlabelled", "--data", "data", "--format", "json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = json(&output);
    assert_eq!(report["schema"], "norma.unlabelled_calibration/v1");
    assert_eq!(
        [
            &report["studies"],
            &report["undetermined"],
            &report["without_scanner"]
        ],
        [&json!(141), &json!(1), &json!(1)]
    );
    assert_eq!(report["left_out"], json!({"other_bundle": 1}));
    // A hundred studies leave room for one below: that which was withheld, of 0.0045.
    let force = of(&report, "force");
    assert_eq!(force["studies"], 100);
    assert_eq!(force["fit"]["outcome"], "holds");
    assert_eq!(force["fit"]["threshold"], 0.005);
    assert_eq!(force["fit"]["released"], json!({"successes": 1, "trials": 100}));
    assert_eq!(report["proposed_threshold"], 0.005);
    let refused = json!({"outcome": "not_enough_studies", "studies_needed": 93, "studies": 40});
    assert_eq!(of(&report, "drive")["fit"], refused);
    // Whoever lies between both thresholds changes verdict, and nobody else.
    let in_use = report["operating_point_in_use"]["threshold"].as_f64().unwrap();
    let changes = force["changes"].as_array().unwrap();
    let between = (1..=99).filter(|at| f64::from(*at) * 0.005 < in_use).count();
    assert_eq!(changes.len(), between);
    assert!(
        changes
            .iter()
            .all(|change| change["before"] == "norm" && change["after"] == "pathology")
    );
    let named = force["changes"].to_string();
    assert!(!named.contains(&withheld.to_string()) && !named.contains(&low.to_string()));

    let output = site.norma(&["calibrate", "--unlabelled", "--data", "data"]);
    let said = text(&output.stdout);
    assert!(
        said.contains("sensitivity >= 95 % with confidence 95 % at threshold 0.005: releases 1 % (0.1–5.4) of the studies"),
        "{said}"
    );
    assert!(
        said.contains("refused: 93 studies are needed, 40 are there"),
        "{said}"
    );
    assert!(
        said.contains("assumed:") && said.contains("maximal prevalence: 60 %"),
        "{said}"
    );
}

#[test]
fn nothing_is_proposed_from_too_few_and_no_bundle_is_written() {
    let site = Site::new();
    runtime().block_on(async {
        let answered = AnsweredSite::open(&site).await;
        stream(&answered, "Force", 40, 0.01).await;
    });
    let written = site.path("site.yaml");
    let path = written.to_str().unwrap();
    let output = site.norma(&[
        "calibrate",
        "--unlabelled",
        "--data",
        "data",
        "--write-bundle",
        path,
    ]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stdout);
    assert!(
        said.contains("refused: 93 studies are needed, 40 are there"),
        "{said}"
    );
    assert!(
        said.contains("no threshold is proposed") && !written.exists(),
        "{said}"
    );
    let output = site.norma(&["calibrate", "labels.csv", "--unlabelled", "--data", "data"]);
    assert!(text(&output.stderr).contains("cannot be used with"));
}

#[test]
fn a_written_bundle_is_verified_nowhere_and_the_one_in_use_stays() {
    let site = Site::new();
    let bundle = site.own_bundle();
    let before = std::fs::read(&bundle).unwrap();
    runtime().block_on(async {
        let answered = AnsweredSite::open(&site).await;
        stream(&answered, "Force", 200, 0.004).await;
        stream(&answered, "Drive", 200, 0.002).await;
    });
    let written = site.path("models/site.yaml");
    let path = written.to_str().unwrap();
    let words = [
        "calibrate",
        "--unlabelled",
        "--data",
        "data",
        "--write-bundle",
        path,
    ];
    let output = site.norma_with(&bundle, &words);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("verified on no scanner"));
    assert_eq!(std::fs::read(&bundle).unwrap(), before);
    let loaded = Bundle::load(&written).unwrap();
    // 200 leave room for four below; the lower of both scanners' thresholds is taken.
    let point = loaded.default_operating_point();
    assert_eq!((point.name.as_str(), point.threshold.value()), ("site", 0.01));
    let figures = loaded
        .operating_points()
        .iter()
        .find(|figures| figures.name == point.name);
    let figures = figures.unwrap();
    assert!(figures.sensitivity.is_none() && figures.specificity.is_none());
    let measured_on = figures.measured_on.as_ref().unwrap();
    assert!(measured_on.scanners.is_empty());
    assert_eq!(measured_on.sources, ["400 studies of the site without labels"]);
}

#[test]
fn pathologies_that_readers_named_refuse_what_the_stream_would_promise() {
    let site = Site::new();
    runtime().block_on(async {
        let answered = AnsweredSite::open(&site).await;
        stream(&answered, "Force", 200, 0.004).await;
        for at in 0..3 {
            let (_, analysis) = answered.answered_on("Force", 0.0001 * f64::from(at)).await;
            answered.says(analysis, false, Some("pathology")).await;
        }
    });
    let output = site.norma(&["calibrate", "--unlabelled", "--data", "data", "--format", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let refused = json!({"outcome": "contradicted", "pathologies": 3, "below_threshold": 3});
    assert_eq!(of(&json(&output), "force")["fit"], refused);
}

/// All scores of one scanner are above the threshold in use, so its own would be higher: it would miss more on the other scanner, of which
/// too little is known.
#[test]
fn a_higher_threshold_is_not_proposed_where_nothing_bounds_what_it_misses() {
    let site = Site::new();
    let higher = |scanners: &'static [&'static str]| {
        runtime().block_on(async {
            let answered = AnsweredSite::open(&site).await;
            for model in scanners {
                for at in 0..100 {
                    answered.answered_on(model, 0.6 + f64::from(at) * 0.002).await;
                }
            }
        });
        json(&site.norma(&["calibrate", "--unlabelled", "--data", "data", "--format", "json"]))
    };
    let alone = higher(&["Force"]);
    assert_eq!(alone["proposed_threshold"], 0.602);
    let changes = of(&alone, "force")["changes"].as_array().unwrap();
    assert_eq!((changes.len(), &changes[0]["after"]), (1, &json!("norm")));

    runtime().block_on(async {
        let answered = AnsweredSite::open(&site).await;
        answered.answered_on("Drive", 0.55).await;
    });
    let beside = higher(&[]);
    assert_eq!(of(&beside, "force")["fit"]["outcome"], "holds");
    assert_eq!(beside["proposed_threshold"], Value::Null);
    assert_eq!(beside["not_proposed"], "higher_where_nothing_is_known");
    let output = site.norma(&["calibrate", "--unlabelled", "--data", "data"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("it would be higher than the one in use"));
}
