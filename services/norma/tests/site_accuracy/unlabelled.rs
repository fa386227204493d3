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
    assert_eq!(report["schema"], "norma.threshold_proposal/v1");
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
    assert_eq!(force["unlabelled"]["outcome"], "holds");
    assert_eq!(force["unlabelled"]["threshold"], 0.005);
    assert_eq!(
        force["unlabelled"]["released"],
        json!({"successes": 1, "trials": 100})
    );
    assert_eq!(
        (&force["threshold"], &force["in_use_is_own"]),
        (&json!(0.005), &json!(false))
    );
    let refused = json!({"outcome": "not_enough_studies", "studies_needed": 93, "studies": 40});
    assert_eq!(of(&report, "drive")["unlabelled"], refused);
    assert_eq!(of(&report, "drive")["threshold"], Value::Null);
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
    assert!(text(&output.stderr).contains("not verified on siemens force"));
    assert_eq!(std::fs::read(&bundle).unwrap(), before);
    let loaded = Bundle::load(&written).unwrap();
    // 200 leave room for four below, on each scanner by itself; what others are held to stays.
    let point = loaded.default_operating_point();
    let in_use = Bundle::load(&bundle).unwrap().default_operating_point();
    assert_eq!((point.name.as_str(), point.threshold), ("site", in_use.threshold));
    let figures = loaded.figures_of(&point.name).unwrap();
    let own: Vec<(&str, f64)> = figures
        .by_scanner
        .iter()
        .map(|own| (own.scanner.model.as_str(), own.threshold.value()))
        .collect();
    assert_eq!(own, [("drive", 0.01), ("force", 0.02)]);
    for own in &figures.by_scanner {
        assert!(own.sensitivity.is_none() && own.specificity.is_none());
        assert!(own.measured_on.scanners.is_empty());
        assert_eq!(
            own.measured_on.sources,
            ["200 studies of the site without labels"]
        );
    }
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
    assert_eq!(of(&json(&output), "force")["unlabelled"], refused);
}

/// All scores of one scanner are above the threshold in use, so its own is higher. It is that scanner's alone: on another, of which too little
/// is known, it would miss more.
#[test]
fn a_higher_threshold_is_proposed_for_its_own_scanner_alone() {
    let site = Site::new();
    runtime().block_on(async {
        let answered = AnsweredSite::open(&site).await;
        for at in 0..100 {
            answered.answered_on("Force", 0.6 + f64::from(at) * 0.002).await;
        }
        answered.answered_on("Drive", 0.55).await;
    });
    let report = json(&site.norma(&["calibrate", "--unlabelled", "--data", "data", "--format", "json"]));
    assert_eq!(of(&report, "force")["threshold"], 0.602);
    let changes = of(&report, "force")["changes"].as_array().unwrap();
    assert_eq!((changes.len(), &changes[0]["after"]), (1, &json!("norm")));
    assert_eq!(of(&report, "drive")["threshold"], Value::Null);
    assert_eq!(of(&report, "drive")["changes"], json!([]));
}
