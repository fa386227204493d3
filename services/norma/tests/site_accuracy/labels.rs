//! What readers said, as the table that the other commands read.

use norma_database::{AuditQuery, Page};
use serde_json::Value;

use crate::answered::AnsweredSite;
use crate::{Site, text};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

#[test]
fn readers_labels_are_written_as_the_table_that_evaluate_reads() {
    let site = Site::new();
    let (missed, norm) = runtime().block_on(async {
        let answered = AnsweredSite::open(&site).await;
        let (missed, analysis) = answered.answered(Some(0.01), None).await;
        answered.says(analysis, false, Some("emphysema")).await;
        let (norm, analysis) = answered.answered(Some(0.02), None).await;
        answered.says(analysis, true, None).await;
        let (_, analysis) = answered.answered(Some(0.03), None).await;
        answered.says(analysis, true, None).await;
        answered.says(analysis, false, Some("pathology")).await;
        (missed, norm)
    });
    let output = site.norma(&["labels", "--data", "data"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut lines = [format!("{missed},pathology,emphysema"), format!("{norm},norm,")];
    lines.sort();
    let table = text(&output.stdout);
    assert_eq!(
        table,
        format!("study,label,pathology_type\n{}\n{}\n", lines[0], lines[1])
    );
    assert!(
        text(&output.stderr).contains("left out: 1 on which readers disagree"),
        "{}",
        text(&output.stderr)
    );

    // The other commands read it, with what the database knows of each study.
    let path = site.table(&table);
    let output = site.norma(&["evaluate", &path, "--data", "data", "--out", "out"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = std::fs::read_to_string(site.path("out").join("evaluation.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        (&report["flow"]["pathologies"], &report["flow"]["norms"]),
        (&1.into(), &1.into())
    );
    assert_eq!(report["misses"][0]["study"], missed.to_string());
    let groups = report["groups"].as_array().unwrap();
    assert!(
        groups
            .iter()
            .any(|group| group["by"] == "pathology" && group["group"] == "emphysema"),
        "{groups:?}"
    );

    let output = site.norma(&["labels", "--contradicted", "--data", "data"]);
    assert_eq!(
        text(&output.stdout),
        format!("study,label,pathology_type\n{missed},pathology,emphysema\n")
    );
    let events = runtime().block_on(async {
        let answered = AnsweredSite::open(&site).await;
        let events = answered
            .database
            .list_audit_events(AuditQuery::default(), Page::default());
        events.await.unwrap().items
    });
    let exports = events.iter().filter(|event| event.event.action == "label.export");
    assert_eq!(exports.count(), 2);
}

/// That there is nothing to review is not that nobody said anything.
#[test]
fn where_no_reader_speaks_against_a_verdict_the_table_is_empty_and_says_so() {
    let site = Site::new();
    runtime().block_on(async {
        let answered = AnsweredSite::open(&site).await;
        let (_, analysis) = answered.answered(Some(0.02), None).await;
        answered.says(analysis, true, None).await;
    });
    let output = site.norma(&["labels", "--contradicted", "--data", "data"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "study,label,pathology_type\n");
    let told = text(&output.stderr);
    assert!(
        told.contains("no reader speaks against a verdict") && !told.contains("has a label"),
        "{told}"
    );
}

#[test]
fn without_a_label_no_table_is_written() {
    let site = Site::new();
    runtime().block_on(async {
        let answered = AnsweredSite::open(&site).await;
        answered.answered(Some(0.01), None).await;
    });
    let output = site.norma(&["labels", "--data", "data"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let told = text(&output.stderr);
    assert!(told.contains("no study has a label"), "{told}");
}
