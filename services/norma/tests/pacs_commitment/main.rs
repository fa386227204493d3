//! Storage commitment of `norma serve`: a peer learns what is stored, over the association that asked or another one, across a kill
//! and its own absence.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../dicom_node/mod.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod dicom_node;
mod peer;
#[path = "../studies/mod.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::net::TcpListener;
use std::path::PathBuf;

use dicom_node::{Node, assert_sent, study};
use norma_test_support::servers::free_port;
use peer::{Asking, CT, MR, be_told, request};
use serde_json::Value;
use studies::onnxruntime;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

/// Settings of a node that CT1 at this port may ask.
fn asked_by(port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("NORMA__PACS__STORAGE_COMMITMENT__CT__AE_TITLE", "CT1".to_owned()),
        (
            "NORMA__PACS__STORAGE_COMMITMENT__CT__HOST",
            "127.0.0.1".to_owned(),
        ),
        ("NORMA__PACS__STORAGE_COMMITMENT__CT__PORT", port.to_string()),
    ]
}

async fn start(folder: &TempDir, onnxruntime: &std::path::Path, settings: &[(&str, String)]) -> Node {
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    Node::start(folder.path(), onnxruntime, &settings).await
}

fn uids(files: &[PathBuf]) -> Vec<String> {
    let uids = files.iter().map(|file| {
        let object = dicom_object::open_file(file).unwrap();
        object
            .meta()
            .media_storage_sop_instance_uid()
            .trim_end_matches('\0')
            .to_owned()
    });
    uids.collect()
}

fn of_ct(uids: &[String]) -> Vec<(&str, &str)> {
    uids.iter().map(|uid| (CT, uid.as_str())).collect()
}

async fn events(node: &Node) -> Vec<(String, String)> {
    let events: Value = node
        .get("/api/audit?action=pacs.commit")
        .await
        .json()
        .await
        .unwrap();
    let text = |event: &Value, field: &str| event[field].as_str().unwrap().to_owned();
    let items = events["items"].as_array().unwrap().iter();
    items
        .map(|event| (text(event, "outcome"), text(event, "detail")))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_waits_is_told_over_its_association() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    let uids = uids(&files);
    let node = start(&folder, &onnxruntime, &asked_by(free_port())).await;
    let port = node.dicom_port;
    assert_sent(&node.send(&files));

    // On its way: in the spool, and an instance of another class, and one that is not here.
    let asked = uids.clone();
    let (in_spool, wrong) = spawn_blocking(move || {
        let mut asking = Asking::associate(port, "CT1").unwrap();
        assert_eq!(asking.ask("1.2.1", &of_ct(&asked)), 0);
        let in_spool = asking.wait();
        let wrong = [(CT, asked[0].as_str()), (MR, &asked[1]), (CT, "1.2.3.4.5")];
        assert_eq!(asking.ask("1.2.2", &wrong), 0);
        let wrong = asking.wait();
        assert_eq!(
            asking.act(2, &request("1.2.9", &of_ct(&asked))),
            0x0123,
            "no such action"
        );
        assert_eq!(asking.act(1, b"\x08\0\x99\x11\xF0\0\0\0"), 0x0115, "cut off");
        assert_eq!(asking.ask("1.2.9", &[]), 0x0115, "of nothing");
        asking.release();
        (in_spool, wrong)
    })
    .await
    .unwrap();
    assert_eq!((in_spool.transaction.as_str(), in_spool.event_type), ("1.2.1", 1));
    assert_eq!(in_spool.stored, uids);
    assert_eq!((wrong.transaction.as_str(), wrong.event_type), ("1.2.2", 2));
    assert_eq!(wrong.stored, uids[..1]);
    let reasons = [(uids[1].clone(), 0x0119), ("1.2.3.4.5".to_owned(), 0x0112)];
    assert_eq!(wrong.failed, reasons);

    // Stored; then deleted by a person.
    let scans = node.answered(1).await;
    node.metric("norma_pacs_studies_waiting 0").await;
    let ask = async |transaction: &'static str| {
        let uids = uids.clone();
        let asked = spawn_blocking(move || {
            let mut asking = Asking::associate(port, "CT1").unwrap();
            assert_eq!(asking.ask(transaction, &of_ct(&uids)), 0);
            let told = asking.wait();
            asking.release();
            told
        });
        asked.await.unwrap()
    };
    assert_eq!(ask("1.2.3").await.stored, uids);
    let path = format!("{}/api/scans/{}", node.url, scans[0]["id"].as_str().unwrap());
    assert_eq!(node.client.delete(path).send().await.unwrap().status(), 204);
    let gone = ask("1.2.4").await;
    assert_eq!((gone.stored.len(), gone.failed.len()), (0, uids.len()));
    node.metric("norma_pacs_commitments_total{outcome=\"reported\"} 4")
        .await;
    node.metric("norma_pacs_commitments_waiting{peer=\"ct\"} 0").await;
    let events = events(&node).await;
    assert_eq!(events.len(), 8, "{events:?}");
    assert_eq!(events[0].0, "success");
    let all = uids.len();
    assert_eq!(
        events[0].1,
        format!("CT1: reported: {all} instances, {all} of them not stored")
    );

    // What comes by STOW-RS is known as well.
    let boundary = "b1c2d3";
    let mut body = Vec::new();
    for file in &files {
        body.extend(format!("--{boundary}\r\nContent-Type: application/dicom\r\n\r\n").bytes());
        body.extend(std::fs::read(file).unwrap());
        body.extend(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").bytes());
    let kind = format!("multipart/related; type=\"application/dicom\"; boundary={boundary}");
    let request = node.client.post(format!("{}/dicom-web/studies", node.url));
    let request = request.header("content-type", kind).body(body);
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(ask("1.2.5").await.stored, uids);

    // Who is not named may not ask.
    let stranger = spawn_blocking(move || Asking::associate(port, "CT2").is_none());
    assert!(stranger.await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_does_not_wait_is_told_across_a_kill() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    let uids = uids(&files);
    let told_at = free_port();
    let settings = asked_by(told_at);
    let mut node = start(&folder, &onnxruntime, &settings).await;
    assert_sent(&node.send(&files));
    let (port, asked) = (node.dicom_port, uids.clone());
    let ask = spawn_blocking(move || {
        let mut asking = Asking::associate(port, "CT1").unwrap();
        assert_eq!(asking.ask("1.2.1", &of_ct(&asked)), 0);
        // Nobody listens yet.
        asking.release();
    });
    ask.await.unwrap();
    node.metric("norma_pacs_commitments_waiting{peer=\"ct\"} 1").await;
    node.process.kill();
    drop(node);

    let listener = TcpListener::bind(("127.0.0.1", told_at)).unwrap();
    let node = start(&folder, &onnxruntime, &settings).await;
    let told = spawn_blocking(move || {
        // Refused at first, then taken.
        let first = be_told(&listener, 0x0110);
        let second = be_told(&listener, 0);
        assert_eq!(first, second);
        second
    });
    let told = told.await.unwrap();
    assert_eq!((told.transaction.as_str(), told.event_type), ("1.2.1", 1));
    assert_eq!(told.stored, uids);
    node.metric("norma_pacs_commitments_total{outcome=\"reported\"} 1")
        .await;
    node.metric("norma_pacs_commitments_waiting{peer=\"ct\"} 0").await;
    let outcomes: Vec<String> = events(&node)
        .await
        .into_iter()
        .map(|(outcome, _)| outcome)
        .collect();
    assert_eq!(outcomes, ["success", "begun"]);
}
