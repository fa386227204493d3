//! A study that comes by C-STORE and by STOW-RS or an upload: it is one study, with one analysis, and what came first stays.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "shared with the other tests")]
mod dicom_node;
#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use dicom_node::archive::sends_to;
use dicom_node::{NO_SETTINGS, Node, PATIENCE, assert_sent, entries, stow, study, told};
use norma_test_support::servers::free_port;
use norma_test_support::{PhantomOptions, phantom_zip, temporary_folders};
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use studies::onnxruntime;

/// A phantom's study as one file of a form.
fn zipped(phantom: &PhantomOptions, folder: &std::path::Path) -> Part {
    let file = folder.join("study.zip");
    phantom_zip(phantom, &file).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    std::fs::remove_file(file).unwrap();
    Part::bytes(bytes).file_name("study.zip")
}

/// The same files with a voxel of the last row changed.
fn changed(files: &[PathBuf], folder: &std::path::Path) -> Vec<PathBuf> {
    let change = |file: &PathBuf| {
        let mut bytes = std::fs::read(file).unwrap();
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
        let path = folder.join(file.file_name().unwrap());
        std::fs::write(&path, bytes).unwrap();
        path
    };
    files.iter().map(change).collect()
}

/// Nothing of the spool is left.
async fn is_handed_over(node: &Node, folder: &std::path::Path) {
    node.metric("norma_pacs_studies_waiting 0").await;
    for left in ["incoming", "taken", "refused"] {
        assert!(entries(&folder.join("data/pacs").join(left)).is_empty(), "{left}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stow_rs_brought_is_known_when_it_is_sent() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let [folder, files, other] = temporary_folders().unwrap();
    let files = study(files.path());
    let others = changed(&files[..2], other.path());
    let node = Node::start(folder.path(), &onnxruntime, NO_SETTINGS).await;
    let (status, answer) = stow(&node, &files).await;
    assert_eq!(status, 200, "{answer}");
    let scans = node.answered(1).await;

    // The same is known; other content is refused while it comes, and its sender keeps it.
    assert_sent(&node.send(&files));
    node.metric("norma_pacs_studies_total{outcome=\"repeated\"} 1")
        .await;
    let refused = told(&node.send(&others)).to_lowercase();
    let words = ["0x0111", "0x111", "0111h", "duplicatesop", "duplicate sop"];
    assert!(words.iter().any(|word| refused.contains(word)), "{refused}");
    let events = node.get("/api/audit?action=pacs.other_content").await;
    let events: Value = events.json().await.unwrap();
    assert_eq!(events["total"], 1, "{events}");
    assert_eq!(events["items"][0]["object_id"], scans[0]["id"]);
    is_handed_over(&node, folder.path()).await;
    assert_eq!(node.answered(1).await[0]["id"], scans[0]["id"]);
    assert_eq!(node.analyses(&scans[0]).await, 1);

    // And by STOW-RS again, where it was sent both ways.
    let (status, answer) = stow(&node, &files).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer["00081199"]["Value"].as_array().unwrap().len(),
        files.len(),
        "each is stored"
    );
    assert_eq!(node.scans().await.len(), 1);
    assert_eq!(node.analyses(&scans[0]).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_is_known_to_stow_rs_also_in_part() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let [folder, files] = temporary_folders().unwrap();
    let files = study(files.path());
    let (late, first) = files.split_at(2);
    let mut node = Node::start(folder.path(), &onnxruntime, NO_SETTINGS).await;
    assert_sent(&node.send(first));
    let scans = node.answered(1).await;
    for part in [first, &first[1..4]] {
        let (status, answer) = stow(&node, part).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["00081199"]["Value"].as_array().unwrap().len(), part.len());
    }
    assert_eq!(node.answered(1).await[0]["id"], scans[0]["id"]);
    assert_eq!(node.analyses(&scans[0]).await, 1);

    // More of it by C-STORE, half of which STOW-RS has brought, across a kill: a scan of all, which names the earlier one.
    let (status, answer) = stow(&node, &late[..1]).await;
    assert_eq!(status, 200, "{answer}");
    assert_sent(&node.send(late));
    node.process.kill();
    drop(node);
    let node = Node::start(folder.path(), &onnxruntime, NO_SETTINGS).await;
    is_handed_over(&node, folder.path()).await;
    let all = node.scans().await;
    assert_eq!(all.len(), 3);
    let started = Instant::now();
    let path = format!("/api/scans/{}/report", all[0]["id"].as_str().unwrap());
    while !node.get(&path).await.status().is_success() {
        assert!(started.elapsed() < PATIENCE, "it is never answered");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let all = node.scans().await;
    assert_eq!(all[0]["slice_count"], files.len());
    assert_eq!(all[0]["predecessor"], all[1]["id"], "the one by STOW-RS");
    assert_eq!(all[2]["id"], scans[0]["id"]);
}

/// Its answer goes to the PACS all the same, once, and to nobody before the PACS has the study.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_sent_too_is_one_study_and_its_answer_is_sent_once() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let [folder, files, other] = temporary_folders().unwrap();
    let phantom = PhantomOptions::small();
    let files = study(files.path());
    let node = Node::start(folder.path(), &onnxruntime, &sends_to(free_port())).await;
    let part = zipped(&phantom, other.path());
    let upload = node
        .client
        .post(format!("{}/api/scans", node.url))
        .multipart(Form::new().part("file", part))
        .send()
        .await
        .unwrap();
    assert_eq!(upload.status().as_u16(), 201);

    // Nobody had it analysed: that who sends it wants it to be.
    assert_sent(&node.send(&files));
    let scans = node.answered(1).await;
    let delivery = node.delivery(|_| true).await;
    assert_eq!(delivery["scan_id"], scans[0]["id"]);
    for _ in 0..2 {
        assert_sent(&node.send(&files));
        node.metric("norma_pacs_studies_waiting 0").await;
    }
    assert_eq!(node.scans().await.len(), 1);
    assert_eq!(node.analyses(&scans[0]).await, 1);
    assert_eq!(node.deliveries("").await.len(), 1);

    // One that was answered before it is sent.
    let phantom = PhantomOptions { seed: 77, ..phantom };
    let later = dicom_node::study_of(&phantom, other.path());
    let part = zipped(&phantom, other.path());
    let answered = node
        .client
        .post(format!("{}/inference/predict", node.url))
        .multipart(Form::new().part("file", part))
        .timeout(PATIENCE)
        .send()
        .await
        .unwrap();
    assert!(answered.status().is_success(), "{}", answered.status());
    node.answered(2).await;
    assert_eq!(node.deliveries("").await.len(), 1, "a person's own upload");
    assert_sent(&node.send(&later));
    let second = node.delivery(|found| found["id"] != delivery["id"]).await;
    let scans = node.answered(2).await;
    assert_eq!(second["scan_id"], scans[0]["id"]);
    assert_eq!(node.analyses(&scans[0]).await, 1);
    is_handed_over(&node, folder.path()).await;
}
