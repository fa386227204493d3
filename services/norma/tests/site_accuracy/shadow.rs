//! `norma shadow` at the terminal.

use norma_database::ShadowEnd;
use norma_domain::{AnalysisId, BundleReference, Report, Verdict};
use norma_site::ShadowAnswer;
use serde_json::{Value, json};

use crate::answered::AnsweredSite;
use crate::{Site, text};

fn second() -> BundleReference {
    BundleReference {
        name: "second".to_owned(),
        version: "2.0.0".to_owned(),
        sha256: "b".repeat(64),
    }
}

/// A study of that scanner, called norm or pathology at 0.5, and by the second bundle so.
async fn read_by_both(site: &AnsweredSite, (model, score): (&str, f64), says: Verdict) -> String {
    let (scan_id, analysis_id) = site.answered_on(model, score).await;
    let shown = site.database.report(analysis_id).await.unwrap().unwrap();
    let shadow = Report {
        bundle: second(),
        verdict: says,
        ..shown.clone()
    };
    let answer = serde_json::to_value(ShadowAnswer::of(&shown, &shadow, 20)).unwrap();
    end_with(site, analysis_id, answer).await;
    scan_id.to_string()
}

/// A study that was analysed twice, norm to both bundles each time.
async fn read_again_by_both(site: &AnsweredSite, score: f64) {
    for analysis_id in site.answered_twice(score).await {
        let shown = site.database.report(analysis_id).await.unwrap().unwrap();
        let shadow = Report {
            bundle: second(),
            ..shown.clone()
        };
        let answer = serde_json::to_value(ShadowAnswer::of(&shown, &shadow, 20)).unwrap();
        end_with(site, analysis_id, answer).await;
    }
}

async fn end_with(site: &AnsweredSite, analysis_id: AnalysisId, answer: Value) {
    let sha256 = second().sha256;
    let begun = site
        .database
        .begin_shadow_answer(analysis_id, sha256.clone())
        .await;
    assert_eq!(begun.unwrap(), Some(1));
    let ended = site
        .database
        .end_shadow_answer(analysis_id, sha256, ShadowEnd::Answered(answer))
        .await;
    assert!(ended.unwrap());
}

/// Three studies of which both bundles say the same.
async fn three_read_alike(site: &Site) -> AnsweredSite {
    let answered = AnsweredSite::open(site).await;
    let database = &answered.database;
    database.note_shadow_bundle(second()).await.unwrap();
    let noted = database.note_shadow_reader(Some(second().sha256), None);
    noted.await.unwrap();
    for _ in 0..3 {
        read_by_both(&answered, ("Force", 0.2), Verdict::Norm).await;
    }
    answered
}

#[test]
fn where_a_second_bundle_differs_is_told_by_scanner_and_study() {
    let site = Site::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { drop(AnsweredSite::open(&site).await) });
    let words = ["shadow", "compare", "--data", "data"];
    let said = text(&site.norma(&words).stdout);
    assert!(said.contains("no second bundle has read a study"), "{said}");

    let differs = runtime.block_on(async {
        let answered = three_read_alike(&site).await;
        read_by_both(&answered, ("Drive", 0.9), Verdict::Norm).await
    });
    let output = site.norma(&words);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    for told in [
        "second 2.0.0 (bbbbbbbbbbbb) beside what is shown",
        "read: 4; could not be read: 0; missed: 0; waiting: 0",
        "the same verdict: 3 of 4 studies, 75 %",
        "pathology shown, norm by the second: 1",
        differs.as_str(),
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    let report = crate::json(&site.norma(&[words.as_slice(), &["--format", "json"]].concat()));
    assert_eq!(report["schema"], "norma.shadow/v1");
    let profiles = &report["comparisons"][0]["profiles"];
    assert_eq!(profiles[0]["scanner"]["model"], "drive", "{report}");
}

/// Of six that it read: one that a newer version noted, one that was analysed again, one that is too old, and three that are compared.
#[test]
fn what_was_read_and_is_in_no_comparison_is_counted() {
    let site = Site::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let answered = three_read_alike(&site).await;
        read_again_by_both(&answered, 0.2).await;
        let (_, unreadable) = answered.answered_on("Force", 0.2).await;
        end_with(&answered, unreadable, json!({"words": "of a newer version"})).await;
    });
    let words = ["shadow", "compare", "--data", "data", "--newest", "5"];
    let output = site.norma(&words);
    let said = text(&output.stdout);
    for told in [
        "read: 6; could not be read: 0; missed: 0; waiting: 0",
        "read, and not compared: 1 that another version of Norma noted in words that this one does not know",
        "read, and not compared: 1 whose study was analysed again since",
        "read, and not compared: 1 that are older than the newest that were asked for (--newest)",
        "the same verdict: 3 of 3 studies",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    let report = crate::json(&site.norma(&[words.as_slice(), &["--format", "json"]].concat()));
    let told = ["answered", "unreadable", "repeated", "older"].map(|name| report[name].as_u64().unwrap());
    assert_eq!(told, [6, 1, 1, 1]);
}

/// Nothing to read for: it says so instead of waiting.
#[test]
fn a_process_without_a_second_bundle_ends() {
    let site = Site::new();
    let output = site.norma(&["shadow", "read"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("analysis.shadow.bundle"), "{said}");
}
