//! Results sent to a PACS: once, across its absence, a kill in the middle and refusals; and what a PACS sends back makes no new
//! analysis.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "shared with the other tests")]
mod dicom_node;
#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dicom_node::archive::{self, sends_to};
use dicom_node::{NO_SETTINGS, Node, PATIENCE, assert_sent, entries, has_dcmtk, study};
use norma_dicom_network::{InstanceSink, ReceivedInstance, Scp, StoreFailure};
use norma_test_support::servers::{GuardedProcess, free_port};
use norma_test_support::{PhantomOptions, phantom_zip, temporary_folders};
use serde_json::Value;
use studies::onnxruntime;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const STORESCP: &str = "/usr/bin/storescp";
const SEGMENTATION_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.66.4";

/// The one delivery, once it is as wanted.
async fn delivery(node: &Node, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let found = node.delivery(is_wanted).await;
    let all = node.deliveries("").await;
    assert!(all.len() <= 1, "{all:?}");
    found
}

/// What the audit trail says of deliveries, the newest first.
async fn delivery_events(node: &Node) -> Vec<Value> {
    let events: Value = node
        .get("/api/audit?action=pacs.deliver")
        .await
        .json()
        .await
        .unwrap();
    events["items"].as_array().unwrap().clone()
}

/// What `norma deliveries` says beside the running node.
fn typed(folder: &TempDir, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_norma"));
    command.arg("deliveries").args(arguments).args(["--data", "data"]);
    let output = command.current_dir(folder.path()).output().unwrap();
    assert_sent(&output);
    let told = [output.stdout, output.stderr].concat();
    String::from_utf8(told).unwrap()
}

fn is_in(state: &str) -> impl Fn(&Value) -> bool {
    move |delivery| delivery["state"] == state
}

/// A PACS in this process that says what it is told to.
#[derive(Clone, Default)]
struct Archive(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// SOP Instance UIDs in the order in which they came.
    received: Vec<String>,
    refusal: Option<StoreFailure>,
    /// Objects of this class alone are refused for good.
    refused_class: Option<&'static str>,
    /// SOP Instance UIDs of all that was sent, refused or not.
    asked: Vec<String>,
    delay: Duration,
}

#[async_trait]
impl InstanceSink for Archive {
    async fn accept(&self, instance: ReceivedInstance) -> Result<(), StoreFailure> {
        let delay = self.0.lock().unwrap().delay;
        tokio::time::sleep(delay).await;
        let mut state = self.0.lock().unwrap();
        state.asked.push(instance.sop_instance_uid.clone());
        if let Some(refusal) = state.refusal {
            return Err(refusal);
        }
        if state.refused_class == Some(instance.sop_class_uid.as_str()) {
            return Err(StoreFailure::DoesNotMatch);
        }
        state.received.push(instance.sop_instance_uid);
        Ok(())
    }
}

impl Archive {
    async fn listen(&self, port: u16) -> CancellationToken {
        archive::listen(port, |options| Scp::new(options, Arc::new(self.clone()))).await
    }

    fn received(&self) -> Vec<String> {
        self.0.lock().unwrap().received.clone()
    }
}

fn distinct(uids: &[String]) -> BTreeSet<&String> {
    uids.iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_reach_a_pacs_once_across_its_absence() {
    let Some(onnxruntime) = onnxruntime() else { return };
    if !has_dcmtk(&[STORESCP]) {
        return;
    }
    let [folder, files, archive] = temporary_folders().unwrap();
    let files = study(files.path());
    let port = free_port();
    let settings = sends_to(port);

    // Nobody is there: the result waits, across a kill.
    let mut node = Node::start(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send(&files));
    let waiting = delivery(&node, |delivery| delivery["reason_code"] == "peer_unreachable").await;
    assert_eq!(node.deliveries("?state=delivered").await.len(), 0);
    node.process.kill();
    drop(node);
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    let kept = delivery(&node, |delivery| delivery["reason_code"] == "peer_unreachable").await;
    assert_eq!(kept["id"], waiting["id"]);

    let log = archive.path().join("log");
    let objects = archive.path().join("objects");
    std::fs::create_dir(&objects).unwrap();
    let mut command = Command::new(STORESCP);
    command
        .args(["-aet", "ARCHIVE", "-xs", "-xcr"])
        .arg(format!("echo '#f' >> {}", log.display()))
        .arg("-od")
        .arg(&objects)
        .arg(port.to_string());
    let _pacs = GuardedProcess::spawn(command, &archive.path().join("of-guard")).unwrap();
    let done = delivery(&node, is_in("delivered")).await;
    assert_eq!(done["analysis_id"], waiting["analysis_id"]);
    assert!(done["reason_code"].is_null(), "{done}");
    let received = || std::fs::read_to_string(&log).unwrap().lines().count();
    let sent: Vec<PathBuf> = entries(&objects);
    assert!(sent.len() > 1, "a report and pictures");
    assert_eq!(received(), sent.len(), "each object once");
    let names: Vec<String> = sent
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    // As storescp names their classes: report, segmentation, key objects, captures.
    for class in ["SR", "SG", "KO", "SC"] {
        assert!(
            names.iter().any(|name| name.starts_with(class)),
            "{class}: {names:?}"
        );
    }
    node.metric("norma_pacs_deliveries_waiting{destination=\"archive\"} 0")
        .await;
    let events = delivery_events(&node).await;
    let outcomes: Vec<&Value> = events.iter().map(|event| &event["outcome"]).collect();
    assert_eq!(
        outcomes,
        ["success", "begun", "failed"],
        "the first that found nobody, and no others: {events:?}"
    );

    // The PACS sends everything on to whoever had the study: the study, and what it was sent.
    assert_sent(&node.send(&files));
    assert_sent(&node.send(&sent));
    node.metric(&format!(
        "norma_pacs_instances_total{{outcome=\"returned\"}} {}",
        sent.len()
    ))
    .await;
    node.metric("norma_pacs_studies_total{outcome=\"repeated\"} 1")
        .await;
    node.metric("norma_pacs_studies_waiting 0").await;
    assert_eq!(node.scans().await.len(), 1);
    assert_eq!(node.deliveries("").await.len(), 1);

    // A person has it sent again: the same objects, which the PACS has once.
    assert_eq!(node.send_again(&done).await, 200);
    let again = delivery(&node, |delivery| {
        delivery["state"] == "delivered" && delivery["ended_at"] != done["ended_at"]
    })
    .await;
    assert_eq!(again["attempts"], 1);
    assert_eq!(received(), 2 * sent.len());
    assert_eq!(entries(&objects).len(), sent.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_loses_nothing_and_makes_no_other_objects() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    let port = free_port();
    let settings = sends_to(port);
    let archive = Archive::default();
    archive.0.lock().unwrap().delay = Duration::from_millis(700);
    let _listening = archive.listen(port).await;

    let mut node = Node::start(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send(&files));
    let started = Instant::now();
    while archive.received().is_empty() {
        assert!(started.elapsed() < PATIENCE, "nothing is sent");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    node.process.kill();
    drop(node);
    archive.0.lock().unwrap().delay = Duration::ZERO;
    let before = archive.received();
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    assert_eq!(
        node.deliveries("").await[0]["state"],
        "sending",
        "its lease has to end first"
    );
    let done = delivery(&node, is_in("delivered")).await;
    assert_eq!(done["attempts"], 2);
    let all = archive.received();
    assert!(distinct(&all).len() > before.len(), "there was more to send");
    let second = &all[all.len() - distinct(&all).len()..];
    assert_eq!(
        distinct(second),
        distinct(&all),
        "the second attempt sent all, under the same UIDs"
    );
    assert_eq!(node.scans().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_pass_is_tried_again_and_a_refusal_waits_for_a_person() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    let port = free_port();
    let archive = Archive::default();
    let refuse = |refusal| archive.0.lock().unwrap().refusal = refusal;
    refuse(Some(StoreFailure::OutOfResources));
    let _listening = archive.listen(port).await;
    let node = Node::start(folder.path(), &onnxruntime, &sends_to(port)).await;
    assert_sent(&node.send(&files));

    let full = delivery(&node, |delivery| delivery["attempts"].as_u64() > Some(1)).await;
    assert_eq!(full["reason_code"], "peer_out_of_resources");
    assert_eq!(full["peer_status"], "A700");
    assert!(archive.received().is_empty());

    refuse(Some(StoreFailure::DoesNotMatch));
    let refused = delivery(&node, is_in("failed")).await;
    assert_eq!(refused["reason_code"], "refused_by_peer");
    assert_eq!(refused["peer_status"], "A900");
    node.metric("norma_pacs_deliveries_failed{destination=\"archive\"} 1")
        .await;
    let attempts = refused["attempts"].as_u64();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let still = &node.deliveries("?state=failed&destination=archive").await[0];
    assert_eq!(still["attempts"].as_u64(), attempts, "nobody tries it");

    refuse(None);
    let listed = typed(&folder, &["list", "--state", "failed"]);
    for part in [
        refused["id"].as_str().unwrap(),
        "archive",
        "refused_by_peer",
        "A900",
    ] {
        assert!(listed.contains(part), "{part}: {listed}");
    }
    let again = typed(&folder, &["send-again", "--failed", "--destination", "archive"]);
    assert!(again.contains("1 queued again"), "{again}");
    let done = delivery(&node, is_in("delivered")).await;
    let received = archive.received();
    assert_eq!(distinct(&received).len(), received.len());
    let filter = format!("?analysis_id={}", done["analysis_id"].as_str().unwrap());
    assert_eq!(node.deliveries(&filter).await, [done]);
    let mut unknown = still.clone();
    unknown["id"] = "0190a1b2-0000-7000-8000-000000000000".into();
    assert_eq!(node.send_again(&unknown).await, 404);
}

/// A PACS that takes no segmentations gets the rest once, and later the segmentations alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_pacs_has_is_not_sent_again_when_it_refused_the_rest() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    let port = free_port();
    let archive = Archive::default();
    let refuse = |class| archive.0.lock().unwrap().refused_class = class;
    let asked = || std::mem::take(&mut archive.0.lock().unwrap().asked);
    refuse(Some(SEGMENTATION_STORAGE));
    let _listening = archive.listen(port).await;
    let node = Node::start(folder.path(), &onnxruntime, &sends_to(port)).await;
    assert_sent(&node.send(&files));

    let failed = delivery(&node, is_in("failed")).await;
    assert_eq!(failed["reason_code"], "refused_by_peer", "{failed}");
    let of = |delivery: &Value, is_taken: bool| -> Vec<String> {
        let objects = delivery["objects"].as_array().unwrap().iter();
        let objects = objects.filter(|object| object["is_taken"] == is_taken);
        objects
            .map(|object| object["sop_instance_uid"].as_str().unwrap().to_owned())
            .collect()
    };
    let (taken, refused) = (of(&failed, true), of(&failed, false));
    let received = archive.received();
    assert_eq!(distinct(&taken), distinct(&received));
    assert_eq!(taken.len(), received.len());
    assert!(!refused.is_empty());
    for object in failed["objects"].as_array().unwrap() {
        let is_taken = object["is_taken"] == true;
        let is_mask = object["name"].as_str().unwrap().starts_with("segmentation-");
        assert_ne!(is_taken, is_mask, "{object}");
        assert_eq!(
            object["peer_status"].as_str(),
            is_mask.then_some("A900"),
            "{object}"
        );
    }
    assert_eq!(asked().len(), taken.len() + refused.len());
    let listed = typed(&folder, &["list"]);
    let line = format!("{} taken, refused: segmentation-", taken.len());
    assert!(listed.contains(&line), "{listed}");

    // A person tries again, first too early.
    assert_eq!(node.send_again(&failed).await, 200);
    let still = delivery(&node, |delivery| {
        delivery["state"] == "failed" && delivery["ended_at"] != failed["ended_at"]
    })
    .await;
    assert_eq!(still["objects"], failed["objects"]);
    assert_eq!(distinct(&asked()), distinct(&refused));
    refuse(None);
    assert_eq!(node.send_again(&still).await, 200);
    let done = delivery(&node, is_in("delivered")).await;
    assert_eq!(distinct(&asked()), distinct(&refused));
    assert_eq!(of(&done, true).len(), taken.len() + refused.len());
    let received = archive.received();
    assert_eq!(received.len(), distinct(&received).len(), "each once");

    // It has all: sent again, it gets all again.
    assert_eq!(node.send_again(&done).await, 200);
    delivery(&node, |delivery| {
        delivery["state"] == "delivered" && delivery["ended_at"] != done["ended_at"]
    })
    .await;
    assert_eq!(distinct(&asked()), distinct(&received));
}

/// The receiving service is another Norma, which knows results and keeps none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_go_by_stow_too() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    let other = TempDir::new().unwrap();
    let archive = Node::start(other.path(), &onnxruntime, NO_SETTINGS).await;
    let settings = |url: &str| vec![("NORMA__PACS__DESTINATIONS__WEB__URL", url.to_owned())];
    // Nobody is there: the first attempt leaves that it failed, and nothing of the patient left.
    let away = format!("http://127.0.0.1:{}", free_port());
    let mut node = Node::start(folder.path(), &onnxruntime, &settings(&away)).await;
    assert_sent(&node.send(&files));
    let twice = |delivery: &Value| delivery["attempts"].as_u64() >= Some(2) && delivery["state"] == "queued";
    let waiting = delivery(&node, twice).await;
    assert_eq!(waiting["reason_code"], "peer_unreachable", "{waiting}");
    let events = delivery_events(&node).await;
    assert_eq!(delivery(&node, twice).await, waiting, "a pause of seconds");
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["outcome"], "failed", "{events:?}");
    node.process.kill();
    drop(node);
    let wrong = format!("{}/nothing", archive.url);
    let mut node = Node::start(folder.path(), &onnxruntime, &settings(&wrong)).await;
    let is_answered = |delivery: &Value| delivery["reason_code"] == "no_such_service";
    let lost = delivery(&node, is_answered).await;
    assert_eq!(lost["state"], "queued");
    node.process.kill();
    drop(node);
    let right = format!("{}/dicom-web/", archive.url);
    let node = Node::start(folder.path(), &onnxruntime, &settings(&right)).await;
    let done = delivery(&node, is_in("delivered")).await;
    assert_eq!(done["destination"], "web");
    let events = delivery_events(&node).await;
    assert_eq!(events[0]["outcome"], "success", "{events:?}");
    assert_eq!(events[1]["outcome"], "begun", "{events:?}");
    assert!(archive.scans().await.is_empty());
    let events: Value = archive
        .get("/api/audit?action=dicomweb.store")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(events["items"][0]["status"], 200, "{events}");
    let refused: Value = archive.get("/api/deliveries").await.json().await.unwrap();
    assert_eq!(refused["total"], 0, "nor does it answer them");
}

/// An upload of a person goes nowhere unless the settings say so, and of what goes only what was asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_the_settings_name_is_sent() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("study.zip");
    phantom_zip(&PhantomOptions::small(), &file).unwrap();
    let port = free_port();
    let archive = Archive::default();
    let _listening = archive.listen(port).await;
    let mut settings = sends_to(port);
    settings.push((
        "NORMA__PACS__DESTINATIONS__ARCHIVE__OBJECTS",
        "structured_report".to_owned(),
    ));
    settings.push(("NORMA__PACS__DESTINATIONS__NOBODY__AE_TITLE", "NOBODY".to_owned()));
    settings.push(("NORMA__PACS__DESTINATIONS__NOBODY__HOST", "127.0.0.1".to_owned()));
    settings.push(("NORMA__PACS__DESTINATIONS__NOBODY__PORT", free_port().to_string()));
    settings.push(("NORMA__PACS__DESTINATIONS__ARCHIVE__STUDIES", "all".to_owned()));
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    let bytes = std::fs::read(&file).unwrap();
    let part = reqwest::multipart::Part::bytes(bytes).file_name("study.zip");
    let form = reqwest::multipart::Form::new().part("file", part);
    let request = node
        .client
        .post(format!("{}/api/scans", node.url))
        .multipart(form);
    let scan: Value = request.send().await.unwrap().json().await.unwrap();
    let path = format!("{}/api/scans/{}/analyze", node.url, scan["id"].as_str().unwrap());
    assert!(node.client.post(path).send().await.unwrap().status().is_success());
    let done = delivery(&node, is_in("delivered")).await;
    assert_eq!(done["destination"], "archive");
    assert_eq!(archive.received().len(), 1);
}
