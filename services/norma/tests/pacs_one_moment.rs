//! A study that comes by C-STORE and by STOW-RS at one moment, and by two peers at once, is stored once and analysed once; one whose
//! analysis failed is analysed again when it is sent again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "shared with the other tests")]
mod dicom_node;
#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dicom_node::{NO_SETTINGS, Node, assert_sent, stow, study, study_of};
use norma_database::Database;
use norma_domain::{Reason, ReasonCode};
use norma_test_support::{PhantomOptions, temporary_folders};
use serde_json::Value;
use studies::{onnxruntime, request_again};

/// Of each a moment of its own at which the second way begins.
const ROUNDS: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_comes_two_ways_at_one_moment_is_one_study() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let [folder, files] = temporary_folders().unwrap();
    let settings = [("NORMA__PACS__QUIET_SECONDS", "1")];
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    for round in 0..ROUNDS {
        let phantom = PhantomOptions {
            seed: 700 + round,
            ..PhantomOptions::small()
        };
        let of_round = files.path().join(round.to_string());
        std::fs::create_dir(&of_round).unwrap();
        let files = study_of(&phantom, &of_round);
        // Two peers at once, and the other way around the moment at which the study is taken over.
        let sent = |calling: &'static str| {
            let (node, files) = (&node, &files);
            std::thread::scope(|scope| {
                let one = scope.spawn(move || node.send_as(Some(calling), files));
                let other = scope.spawn(move || node.send_as(Some("CT2"), files));
                [one.join().unwrap(), other.join().unwrap()]
            })
        };
        for sent in tokio::task::block_in_place(|| sent("CT1")) {
            assert_sent(&sent);
        }
        tokio::time::sleep(Duration::from_millis(800 + 100 * round)).await;
        let ((one, answer), (other, _)) = tokio::join!(stow(&node, &files), stow(&node, &files));
        assert_eq!((one, other), (200, 200), "{answer}");
        node.metric("norma_pacs_studies_waiting 0").await;
    }
    let scans = node.answered(usize::try_from(ROUNDS).unwrap()).await;
    let studies: BTreeSet<&str> = scans
        .iter()
        .map(|scan| scan["study_uid"].as_str().unwrap())
        .collect();
    assert_eq!(studies.len(), scans.len(), "a scan for each study");
    for scan in &scans {
        assert_eq!(node.analyses(scan).await, 1);
        assert!(scan.get("predecessor").is_none_or(Value::is_null), "{scan}");
    }
}

/// While no node runs: the last analysis of the only scan ends so.
async fn fail_anew(folder: &Path, scan: &Value, code: ReasonCode) {
    let url = format!("sqlite://{}/data/norma.db", folder.display());
    let database = Database::open(&url).await.unwrap();
    let scan_id = scan["id"].as_str().unwrap().parse().unwrap();
    let analysis = request_again(&database, scan_id).await;
    let reason = Reason::new(code, "a test's");
    assert!(database.fail_analysis(analysis, reason).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_study_whose_analysis_failed_is_analysed_when_it_is_sent_again() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let [folder, files] = temporary_folders().unwrap();
    let files: Vec<PathBuf> = study(files.path());
    let mut node = Node::start(folder.path(), &onnxruntime, NO_SETTINGS).await;
    assert_sent(&node.send(&files));
    let scans = node.answered(1).await;
    node.metric("norma_pacs_studies_waiting 0").await;
    node.process.kill();
    drop(node);

    // Nobody mends that by sending it again.
    fail_anew(folder.path(), &scans[0], ReasonCode::NoLungs).await;
    let mut node = Node::start(folder.path(), &onnxruntime, NO_SETTINGS).await;
    assert_sent(&node.send(&files));
    node.metric("norma_pacs_studies_total{outcome=\"repeated\"} 1")
        .await;
    assert_eq!(node.analyses(&scans[0]).await, 2);
    node.process.kill();
    drop(node);

    fail_anew(folder.path(), &scans[0], ReasonCode::DeadlineExceeded).await;
    let node = Node::start(folder.path(), &onnxruntime, NO_SETTINGS).await;
    assert_sent(&node.send(&files));
    let again = node.answered(1).await;
    assert_eq!(again[0]["id"], scans[0]["id"]);
    assert_eq!(node.analyses(&scans[0]).await, 4);
    // Its report stays.
    assert_sent(&node.send(&files));
    node.metric("norma_pacs_studies_total{outcome=\"repeated\"} 2")
        .await;
    assert_eq!(node.analyses(&scans[0]).await, 4);
}
