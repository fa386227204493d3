//! One study that rules send to several archives, of which one is away: DCMTK's storescp, and kills in the middle.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "shared with the other tests")]
mod dicom_node;
#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use dicom_node::{Node, PATIENCE, assert_sent, entries, has_dcmtk, stow, study};
use norma_test_support::servers::{GuardedProcess, free_port};
use norma_test_support::temporary_folders;
use serde_json::Value;
use studies::onnxruntime;

const STORESCP: &str = "/usr/bin/storescp";

/// An archive that keeps what it is sent in a folder, a file for each object.
fn archive(title: &str, port: u16, folder: &Path) -> GuardedProcess {
    let mut command = Command::new(STORESCP);
    command
        .args(["--promiscuous", "--unique-filenames", "-aet", title, "-od"])
        .arg(folder)
        .arg(port.to_string());
    GuardedProcess::spawn(command, &folder.with_extension("of-guard")).unwrap()
}

/// SOP Instance UIDs of what an archive has, each as often as it came.
fn received(folder: &Path) -> Vec<String> {
    let mut uids: Vec<String> = entries(folder)
        .iter()
        .filter_map(|file| {
            let object = dicom_object::open_file(file).ok()?;
            let uid = object.meta().media_storage_sop_instance_uid();
            Some(uid.trim_end_matches('\0').to_owned())
        })
        .collect();
    uids.sort();
    uids
}

async fn all_delivered(node: &Node, count: usize) -> Vec<Value> {
    let started = Instant::now();
    loop {
        let all = node.deliveries("").await;
        if all.len() == count && all.iter().all(|delivery| delivery["state"] == "delivered") {
            return all;
        }
        assert!(started.elapsed() < PATIENCE, "{all:#?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// By C-STORE a rule sends the answer to both, by STOW-RS another rule to one: the study is one, and each archive has each object once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_archive_has_each_object_once_across_absence_and_kills() {
    let (Some(onnxruntime), true) = (onnxruntime(), has_dcmtk(&[STORESCP])) else {
        return;
    };
    let [folder, files, stores] = temporary_folders().unwrap();
    let files = study(files.path());
    let [near, far] = ["near", "far"].map(|name| stores.path().join(name));
    fs::create_dir(&near).unwrap();
    fs::create_dir(&far).unwrap();
    let (near_port, far_port) = (free_port(), free_port());
    let config = folder.path().join("rules.yaml");
    let destinations = [("near", near_port), ("far", far_port)].map(|(name, port)| {
        format!(
            "    {name}: {{ ae_title: {}, host: 127.0.0.1, port: {port} }}\n",
            name.to_uppercase()
        )
    });
    fs::write(
        &config,
        format!(
            "pacs:\n  destinations:\n{}routing:\n  rules:\n    \
             - {{ name: sent, when: {{ modality: CT }}, destinations: [near, far] }}\n    \
             - {{ name: posted, when: {{ came_by: [stow_rs] }}, destinations: [far] }}\n",
            destinations.concat()
        ),
    )
    .unwrap();
    let settings = [("NORMA_CONFIG", config.to_str().unwrap())];
    let _near = archive("NEAR", near_port, &near);
    let mut node = Node::start(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send(&files));
    let is_of = |name: &'static str, state: &'static str| {
        move |delivery: &Value| delivery["destination"] == name && delivery["state"] == state
    };
    // The one that is there is not held up by the other.
    node.delivery(is_of("near", "delivered")).await;
    let waiting =
        node.delivery(|delivery| delivery["destination"] == "far" && delivery["reason_code"] != Value::Null);
    assert_eq!(waiting.await["reason_code"], "peer_unreachable");
    node.process.kill();
    drop(node);

    // Killed around the moments at which the other one comes back and is sent to.
    let _far = archive("FAR", far_port, &far);
    for kill in 0..3_u64 {
        let mut node = Node::start(folder.path(), &onnxruntime, &settings).await;
        tokio::time::sleep(Duration::from_millis(150 * kill)).await;
        node.process.kill();
    }
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    all_delivered(&node, 2).await;
    let [at_near, at_far] = [received(&near), received(&far)];
    let mut once = at_near.clone();
    once.dedup();
    assert_eq!(
        once, at_near,
        "what was delivered before a kill is not sent again"
    );
    let mut once = at_far.clone();
    once.dedup();
    assert_eq!(once, at_near, "the same objects");
    // A kill between an archive's answer and the row that keeps it has one object sent once more, under its own UID.
    assert!(at_far.len() <= once.len() + 3, "{at_far:?}");

    // The same study by another way: neither another scan nor another delivery.
    assert_eq!(stow(&node, &files).await.0, 200);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(node.scans().await.len(), 1);
    assert_eq!(node.deliveries("").await.len(), 2);
    assert_eq!(received(&near), at_near);
}
