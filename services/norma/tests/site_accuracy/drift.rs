use norma_domain::ReasonCode;
use serde_json::{Value, json};

use crate::answered::AnsweredSite;
use crate::{Site, json, text};

/// Answers, of which the scores of the last hundred are shifted by so much.
fn site_shifted_by(shift: f64) -> Site {
    let site = Site::new();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let answered = AnsweredSite::open(&site).await;
        for at in 0..300 {
            // In an order that is not that of the scores.
            let score = f64::from(at * 37 % 100) / 200.0;
            let shift = if at < 200 { 0.0 } else { shift };
            answered.answered_on("Force", score + shift).await;
        }
        for at in 0..60 {
            answered.answered_on("Drive", f64::from(at) / 100.0).await;
        }
        answered
            .withheld_on("Drive", 0.1, &[ReasonCode::CoverageIncomplete])
            .await;
        answered.answered(Some(0.5), None).await;
    });
    site
}

fn drift(report: &Value, model: &str, quantity: &str) -> Value {
    let profiles = report["profiles"].as_array().unwrap();
    let profile = profiles
        .iter()
        .find(|profile| profile["scanner"]["model"] == model)
        .unwrap();
    let quantities = profile["quantities"].as_array().unwrap();
    quantities
        .iter()
        .find(|of| of["quantity"] == quantity)
        .unwrap()
        .clone()
}

#[test]
fn a_stream_that_stays_as_it_was_does_not_drift() {
    let site = site_shifted_by(0.0);
    let output = site.norma(&["drift", "--data", "data", "--format", "json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = json(&output);
    assert_eq!(report["schema"], "norma.drift/v2");
    assert_eq!(report["without_scanner"], 1);
    let score = drift(&report, "force", "score");
    assert_eq!((&score["reference"], &score["last"]), (&json!(200), &json!(100)));
    assert_eq!(score["drifted"], false);
    assert_eq!(drift(&report, "force", "released")["drifted"], false);
    // Sixty scores of the other scanner are all in the last window.
    let too_few = json!({"quantity": "score", "outcome": "too_few", "needed": 50, "reference": 0, "last": 61, "plot": null, "share_plot": null});
    assert_eq!(drift(&report, "drive", "score"), too_few);
    // Four comparisons: a score and three shares.
    assert_eq!(report["significance"], 0.0025);

    let said = text(&site.norma(&["drift", "--data", "data"]).stdout);
    assert!(
        said.contains("too few: 50 are needed in each window, 0 are there before and 61 last"),
        "{said}"
    );
    assert!(
        said.contains("nothing drifted, as far as it was compared"),
        "{said}"
    );
}

#[test]
fn a_shift_of_the_last_studies_is_told_with_exit_code_2() {
    let site = site_shifted_by(0.25);
    let output = site.norma(&["drift", "--data", "data", "--format", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let report = json(&output);
    for quantity in ["score", "released"] {
        assert_eq!(drift(&report, "force", quantity)["drifted"], true, "{quantity}");
    }
    assert_eq!(drift(&report, "force", "failed_quality")["drifted"], false);
    let output = site.norma(&["drift", "--data", "data"]);
    let said = text(&output.stdout);
    assert!(said.contains("DRIFTED") && said.contains("drifted: 2"), "{said}");
    let score = drift(&report, "force", "score");
    assert!(score["cumulative_sum"].as_f64().unwrap() > report["cumulative_sum_limit"].as_f64().unwrap());
    assert_eq!(score["plot"]["upward"].as_array().unwrap().len(), 100);
    // Windows of one's own: the last fifty beside the fifty before are both shifted.
    let own = ["drift", "--data", "data", "--reference", "50", "--last", "50"];
    let output = site.norma(&own);
    assert!(output.status.success(), "{}", text(&output.stdout));
}

/// A shift of which the last twenty studies alone are: too few for windows of a hundred, not for a sum.
#[test]
fn a_shift_that_has_just_begun_is_told_by_the_cumulative_sum() {
    let site = Site::new();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let answered = AnsweredSite::open(&site).await;
        for at in 0..300 {
            let score = f64::from(at * 37 % 100) / 200.0;
            let shift = if at < 280 { 0.0 } else { 0.4 };
            answered.answered_on("Force", score + shift).await;
        }
    });
    let words = ["drift", "--data", "data", "--format", "json"];
    let first = site.norma(&words);
    assert_eq!(first.status.code(), Some(2), "{}", text(&first.stdout));
    let report = json(&first);
    let score = drift(&report, "force", "score");
    assert_eq!(score["drifted"], true);
    let limit = report["significance"].as_f64().unwrap() / 3.0;
    assert!(
        score["cumulative_sum_p_value"].as_f64().unwrap() < limit,
        "{score}"
    );
    assert!(
        score["kolmogorov_smirnov_p_value"].as_f64().unwrap() > limit,
        "{score}"
    );
    // Read once: the second look finds what the first has noted.
    assert_eq!(json(&site.norma(&words)), report);
}

/// What cannot be compared is counted: a page that shows less than there is must say so.
#[test]
fn answers_that_are_in_no_comparison_are_counted() {
    let site = site_shifted_by(0.0);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let answered = AnsweredSite::open(&site).await;
        let (_, analysis) = answered.answered_on("Force", 0.2).await;
        let of_a_newer_version = json!({"words": "of a newer version"});
        let noted = answered.database.note_observation(analysis, of_a_newer_version);
        noted.await.unwrap();
        let patient = answered.patient().await;
        for _ in 0..3 {
            answered.answered(Some(0.1), Some(patient)).await;
        }
    });
    let report = json(&site.norma(&["drift", "--data", "data", "--format", "json"]));
    assert_eq!(
        (
            &report["unreadable"],
            &report["repeated"],
            &report["without_scanner"]
        ),
        (&json!(1), &json!(2), &json!(2))
    );
    let said = text(&site.norma(&["drift", "--data", "data"]).stdout);
    for told in [
        "left out: 1 that another version of Norma wrote in words that this one does not know",
        "left out: 2 of which a newer answer to the study, or a newer study of the patient, counts",
        "left out: 2 that do not tell their scanner",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
}
