//! `norma serve` is told, or asks, how many instances a study has: it waits for what is missing, no longer than it may, and says so.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../dicom_node/mod.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod dicom_node;
mod modality;
#[path = "../studies/mod.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dicom_node::{Node, assert_sent, entries, stow, study};
use modality::{Archive, Modality, Told};
use norma_test_support::servers::free_port;
use norma_test_support::temporary_folders;
use serde_json::Value;
use studies::onnxruntime;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

/// Study, series and SOP Instance UID of files.
fn uids(files: &[PathBuf]) -> (String, String, Vec<String>) {
    let (mut study, mut series, mut instances) = (String::new(), String::new(), Vec::new());
    for file in files {
        let object = dicom_object::open_file(file).unwrap();
        let text = |tag| {
            object
                .element(tag)
                .unwrap()
                .to_str()
                .unwrap()
                .trim_end_matches('\0')
                .to_owned()
        };
        study = text(tags::STUDY_INSTANCE_UID);
        series = text(tags::SERIES_INSTANCE_UID);
        instances.push(text(tags::SOP_INSTANCE_UID));
    }
    (study, series, instances)
}

/// The check of a report of whether all of the study came.
async fn check(node: &Node, scan: &Value, code: &str) -> (Value, Value) {
    let report = node.verdict(scan).await;
    let checks = report["quality"].as_array().unwrap();
    let found: Vec<&Value> = checks.iter().filter(|check| check["code"] == code).collect();
    assert_eq!(found.len(), 1, "{checks:#?}");
    (found[0].clone(), report)
}

fn is_never_norm(report: &Value, code: &str) {
    assert_ne!(report["verdict"], "norm");
    let all = [&report["reasons"], &report["limitations"]];
    let mut told = all.iter().flat_map(|list| list.as_array().unwrap());
    assert!(told.any(|reason| reason["code"] == code), "{report:#}");
}

async fn start(folder: &Path, onnxruntime: &Path, settings: &[(&str, &str)]) -> Node {
    Node::start(folder, onnxruntime, settings).await
}

/// What a modality says that it made is waited for, across a kill; once all of it is here nobody waits for a quiet period.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_modality_made_is_waited_for_and_no_longer() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    let (study, _, instances) = uids(&files);
    let settings = [
        ("NORMA__PACS__QUIET_SECONDS", "900"),
        ("NORMA__PACS__EXPECTED__CT__CALLERS", "CT1"),
        ("NORMA__PACS__EXPECTED__CT__BY", "mpps"),
        ("NORMA__PACS__EXPECTED__CT__LONGEST_WAIT_SECONDS", "1000"),
    ];
    let mut node = start(folder.path(), &onnxruntime, &settings).await;
    let port = node.dicom_port;
    let told = move |state: &'static str, has_study: bool, instances: Vec<String>| {
        let study = study.clone();
        move |modality: &mut Modality, is_new: bool, uid: &str| {
            let told = Told {
                state,
                study: has_study.then_some(study.as_str()),
                instances: &instances,
            };
            if is_new {
                modality.begin(uid, &told)
            } else {
                modality.go_on(uid, &told)
            }
        }
    };
    let begin = told("IN PROGRESS", true, Vec::new());
    let lacks_study = told("IN PROGRESS", false, Vec::new());
    let begins_at_its_end = told("COMPLETED", true, Vec::new());
    let abandoned = told("ABANDONED", true, Vec::new());
    spawn_blocking(move || {
        let mut modality = Modality::associate(port, "CT1").unwrap();
        assert_eq!(begin(&mut modality, true, "1.2.7"), (0, None));
        assert_eq!(begin(&mut modality, true, "1.2.7"), (0x0111, None), "it is here");
        assert_eq!(
            begin(&mut modality, false, "1.2.8"),
            (0x0112, None),
            "there is none"
        );
        assert_eq!(lacks_study(&mut modality, true, "1.2.9"), (0x0120, None));
        assert_eq!(begins_at_its_end(&mut modality, true, "1.2.9"), (0x0106, None));
        assert_eq!(abandoned(&mut modality, false, "1.2.7"), (0x0106, None));
        modality.release();
        assert!(
            Modality::associate(port, "CT2").is_none(),
            "nobody asked for its word"
        );
    })
    .await
    .unwrap();

    // The step goes on: more may come.
    let (last, first) = files.split_last().unwrap();
    assert_sent(&node.send(first));
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(node.scans().await.is_empty());
    let complete = told("COMPLETED", false, instances.clone());
    let again = told("IN PROGRESS", false, Vec::new());
    spawn_blocking(move || {
        let mut modality = Modality::associate(port, "CT1").unwrap();
        assert_eq!(complete(&mut modality, false, "1.2.7"), (0, None));
        let ended = again(&mut modality, false, "1.2.7");
        assert_eq!(ended, (0x0110, Some(0xA710)), "it may no longer be updated");
        modality.release();
    })
    .await
    .unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(node.scans().await.is_empty(), "one is missing");
    node.process.kill();
    drop(node);
    let node = start(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send(std::slice::from_ref(last)));
    let scans = node.answered(1).await;
    assert_eq!(scans[0]["slice_count"], files.len());
    let (check, report) = check(&node, &scans[0], "study_incomplete").await;
    assert_eq!(check["passed"], true, "{check}");
    assert_eq!(check["measured"], files.len() as f64);
    assert!(!report["limitations"].to_string().contains("study_incomplete"));
    node.metric("norma_pacs_studies_counted_total{by=\"mpps\",outcome=\"whole\"} 1")
        .await;
    let events: Value = node
        .get("/api/audit?action=pacs.step")
        .await
        .json()
        .await
        .unwrap();
    assert!(events["total"].as_u64().unwrap() >= 2, "{events}");
}

/// Fewer came than the instances state: the study waits, no longer than it may, and is never norm. What comes then is added.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_comes_is_told_by_the_report() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    for file in &files {
        let mut object = dicom_object::open_file(file).unwrap();
        let count = PrimitiveValue::from(files.len().to_string());
        object.put(DataElement::new(
            tags::NUMBER_OF_SERIES_RELATED_INSTANCES,
            VR::IS,
            count,
        ));
        object.write_to_file(file).unwrap();
    }
    let settings = [
        ("NORMA__PACS__EXPECTED__ALL__BY", "stated, mpps"),
        ("NORMA__PACS__EXPECTED__ALL__LONGEST_WAIT_SECONDS", "40"),
    ];
    let mut node = start(folder.path(), &onnxruntime, &settings).await;
    let (late, first) = files.split_at(1);
    let sent = Instant::now();
    assert_sent(&node.send(first));
    node.metric("norma_pacs_studies_short 1").await;
    node.process.kill();
    drop(node);
    let node = start(folder.path(), &onnxruntime, &settings).await;
    let scans = node.answered(1).await;
    assert!(sent.elapsed() > Duration::from_secs(35), "it waited");
    let (short, report) = check(&node, &scans[0], "study_incomplete").await;
    assert_eq!(
        (short["passed"].as_bool(), short["consequence"].as_str()),
        (Some(false), Some("limits_view"))
    );
    assert_eq!(short["measured"], first.len() as f64);
    assert_eq!(short["limit"], files.len() as f64);
    is_never_norm(&report, "study_incomplete");
    node.metric("norma_pacs_studies_counted_total{by=\"stated\",outcome=\"short\"} 1")
        .await;

    // With those that were here before it is whole.
    assert_sent(&node.send(late));
    let all = node.answered(2).await;
    assert_eq!(all[0]["predecessor"], scans[0]["id"]);
    let (whole, _) = check(&node, &all[0], "study_incomplete").await;
    assert_eq!(
        (whole["passed"].as_bool(), &whole["limit"]),
        (Some(true), &short["limit"])
    );
    node.metric("norma_pacs_studies_short 0").await;
    for left in ["incoming", "taken", "refused"] {
        assert!(
            entries(&folder.path().join("data/pacs").join(left)).is_empty(),
            "{left}"
        );
    }
}

/// By STOW-RS nobody waits: what is missing is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_of_a_request_is_told_by_the_report() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    for file in &files {
        let mut object = dicom_object::open_file(file).unwrap();
        let count = PrimitiveValue::from((files.len() + 2).to_string());
        object.put(DataElement::new(
            tags::NUMBER_OF_STUDY_RELATED_INSTANCES,
            VR::IS,
            count,
        ));
        object.write_to_file(file).unwrap();
    }
    let settings = [("NORMA__PACS__EXPECTED__ALL__BY", "stated")];
    let node = start(folder.path(), &onnxruntime, &settings).await;
    assert_eq!(stow(&node, &files).await.0, 200);
    let scans = node.answered(1).await;
    let (short, report) = check(&node, &scans[0], "study_incomplete").await;
    assert_eq!(short["limit"], (files.len() + 2) as f64);
    is_never_norm(&report, "study_incomplete");
}

/// An archive that is away holds no study up for longer than it may, and one that comes back in time is heard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_is_asked_and_not_waited_for_without_end() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let [folder, first, second] = temporary_folders().unwrap();
    let files = study(first.path());
    let (_, series, _) = uids(&files);
    let other = dicom_node::study_of(
        &norma_test_support::PhantomOptions {
            seed: 99,
            ..norma_test_support::PhantomOptions::small()
        },
        second.path(),
    );
    let port = free_port();
    let settings = [
        ("NORMA__PACS__SOURCES__ARCHIVE__AE_TITLE", "ARCHIVE".to_owned()),
        ("NORMA__PACS__SOURCES__ARCHIVE__HOST", "127.0.0.1".to_owned()),
        ("NORMA__PACS__SOURCES__ARCHIVE__PORT", port.to_string()),
        ("NORMA__PACS__EXPECTED__ALL__BY", "source".to_owned()),
        ("NORMA__PACS__EXPECTED__ALL__SOURCE", "archive".to_owned()),
        (
            "NORMA__PACS__EXPECTED__ALL__LONGEST_WAIT_SECONDS",
            "45".to_owned(),
        ),
    ];
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let node = start(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send(&other));
    let unheard = node.answered(1).await;
    let (unknown, report) = check(&node, &unheard[0], "study_not_counted").await;
    assert_eq!(
        (unknown["passed"].as_bool(), &unknown["limit"]),
        (Some(false), &Value::Null)
    );
    is_never_norm(&report, "study_not_counted");
    node.metric("norma_pacs_studies_counted_total{by=\"source\",outcome=\"unknown\"} 1")
        .await;
    let metrics = node.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("norma_pacs_counts_total{source=\"archive\",outcome=\"failed\"}"));

    let (late, first) = files.split_at(1);
    assert_sent(&node.send(first));
    node.metric("norma_pacs_studies_short 1").await;
    let archive = Archive::listen(port, series, files.len());
    assert_sent(&node.send(late));
    let scans = node.answered(2).await;
    assert_eq!(
        scans[0]["slice_count"],
        files.len(),
        "the late one was waited for"
    );
    let (whole, _) = check(&node, &scans[0], "study_incomplete").await;
    assert_eq!(
        (whole["passed"].as_bool(), whole["limit"].as_f64()),
        (Some(true), Some(files.len() as f64))
    );
    drop(archive);
}

#[test]
fn settings_that_count_nothing_are_refused_at_the_start() {
    let folder = TempDir::new().unwrap();
    let title = ("NORMA__PACS__EXPECTED__A__CALLERS", "CT1");
    for settings in [
        vec![title],
        vec![title, ("NORMA__PACS__EXPECTED__A__BY", "guess")],
        vec![title, ("NORMA__PACS__EXPECTED__A__BY", "source")],
        vec![
            title,
            ("NORMA__PACS__EXPECTED__A__BY", "source"),
            ("NORMA__PACS__EXPECTED__A__SOURCE", "nowhere"),
        ],
        vec![
            title,
            ("NORMA__PACS__EXPECTED__A__BY", "mpps"),
            ("NORMA__PACS__EXPECTED__B__BY", "mpps"),
            ("NORMA__PACS__EXPECTED__B__CALLERS", "CT1"),
        ],
        vec![
            ("NORMA__PACS__EXPECTED__A__BY", "mpps"),
            ("NORMA__PACS__EXPECTED__B__BY", "stated"),
        ],
        vec![
            ("NORMA__PACS__EXPECTED__A__BY", "mpps"),
            ("NORMA__PACS__EXPECTED__A__LONGEST_WAIT_SECONDS", "2"),
        ],
    ] {
        let ended = dicom_node::serve(folder.path(), free_port(), free_port(), &settings)
            .output()
            .unwrap();
        assert!(!ended.status.success(), "{settings:?}");
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(told.to_lowercase().contains("expected"), "{told}");
    }
}
