//! Twenty peers that send twenty studies at once to a node that is killed in the middle, twice: every instance is stored once, every
//! study analysed once, every result delivered once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "shared with the other tests")]
mod dicom_node;
#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dicom_node::archive::{self, sends_to};
use dicom_node::{Node, entries, serve, study_of};
use norma_dicom_network::{InstanceSink, ReceivedInstance, Scp, StoreFailure};
use norma_test_support::servers::{GuardedProcess, free_port};
use norma_test_support::{PhantomOptions, temporary_folders};
use serde_json::Value;
use studies::onnxruntime;

const PEERS: usize = 20;
const KILLS: usize = 2;
/// On a machine that others use.
const PATIENCE: Duration = Duration::from_secs(900);

/// A PACS that results go to: how often each object came.
#[derive(Clone, Default)]
struct Archive(Arc<Mutex<BTreeMap<String, usize>>>);

#[async_trait]
impl InstanceSink for Archive {
    async fn accept(&self, instance: ReceivedInstance) -> Result<(), StoreFailure> {
        *self
            .0
            .lock()
            .unwrap()
            .entry(instance.sop_instance_uid)
            .or_default() += 1;
        Ok(())
    }
}

/// A node at ports that stay the same.
fn start(folder: &Path, onnxruntime: &Path, port: u16, settings: &[(&str, String)]) -> Node {
    let http_port = free_port();
    let mut command = serve(folder, http_port, port, settings);
    command.env("NORMA__MODELS__ONNXRUNTIME", onnxruntime);
    Node {
        process: GuardedProcess::spawn(command, &folder.join("of-guard")).unwrap(),
        url: format!("http://127.0.0.1:{http_port}"),
        dicom_port: port,
        client: reqwest::Client::new(),
    }
}

/// Sends a study as a modality does, one instance after the other, until each was answered with success.
fn send_all(norma: &Path, port: u16, calling: &str, files: &[PathBuf], answered: &AtomicUsize) {
    let started = Instant::now();
    for part in files.chunks(4) {
        loop {
            let mut command = std::process::Command::new(norma);
            command.args(["pacs", "send", "--called", "NORMA", "--calling", calling]);
            command.arg(format!("127.0.0.1:{port}")).args(part);
            if command.output().unwrap().status.success() {
                break;
            }
            assert!(started.elapsed() < PATIENCE, "{calling} is never answered");
            std::thread::sleep(Duration::from_millis(500));
        }
        answered.fetch_add(part.len(), Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_studies_that_come_at_once_across_two_kills_are_stored_analysed_and_delivered_once() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let [folder, files] = temporary_folders().unwrap();
    let of_peers: Vec<Vec<PathBuf>> = (0..PEERS)
        .map(|peer| {
            let folder = files.path().join(peer.to_string());
            std::fs::create_dir(&folder).unwrap();
            let seed = 500 + peer as u64;
            study_of(
                &PhantomOptions {
                    seed,
                    ..PhantomOptions::small()
                },
                &folder,
            )
        })
        .collect();
    let instances: usize = of_peers.iter().map(Vec::len).sum();
    let pacs = Archive::default();
    let pacs_port = free_port();
    let _listening = archive::listen(pacs_port, |options| Scp::new(options, Arc::new(pacs.clone()))).await;
    let mut settings = sends_to(pacs_port);
    settings.push((
        "NORMA__PACS__DESTINATIONS__ARCHIVE__OBJECTS",
        "structured_report".to_owned(),
    ));

    // Longer than a start takes: no study is cut in two.
    settings.push(("NORMA__PACS__QUIET_SECONDS", "30".to_owned()));
    let port = free_port();
    let answered = Arc::new(AtomicUsize::new(0));
    let mut node = start(folder.path(), &onnxruntime, port, &settings);
    let norma = PathBuf::from(env!("CARGO_BIN_EXE_norma"));
    let senders: Vec<_> = of_peers
        .iter()
        .enumerate()
        .map(|(peer, files)| {
            let (norma, files, answered) = (norma.clone(), files.clone(), Arc::clone(&answered));
            std::thread::spawn(move || send_all(&norma, port, &format!("CT{peer}"), &files, &answered))
        })
        .collect();
    for kill in 1..=KILLS {
        // In the middle of what comes.
        let wanted = instances * kill / (KILLS + 1);
        let started = Instant::now();
        while answered.load(Ordering::SeqCst) < wanted {
            assert!(started.elapsed() < PATIENCE, "nothing comes");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        node.process.kill();
        drop(node);
        node = start(folder.path(), &onnxruntime, port, &settings);
    }
    tokio::task::spawn_blocking(move || senders.into_iter().for_each(|sender| sender.join().unwrap()))
        .await
        .unwrap();
    assert_eq!(answered.load(Ordering::SeqCst), instances);

    // Every result is delivered.
    let started = Instant::now();
    loop {
        let found = node.get("/api/deliveries?state=delivered&limit=100").await;
        let page: Value = found.json().await.unwrap_or_default();
        if page["total"] == PEERS {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{page}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    node.metric("norma_pacs_studies_waiting 0").await;
    let deliveries: Value = node.get("/api/deliveries?limit=100").await.json().await.unwrap();
    assert_eq!(deliveries["total"], PEERS, "one for each study");
    let scans: Value = node.get("/api/scans?limit=100").await.json().await.unwrap();
    let scans = scans["items"].as_array().unwrap();
    assert_eq!(scans.len(), PEERS, "each study once");
    let mut stored = BTreeSet::new();
    for scan in scans {
        assert_eq!(node.analyses(scan).await, 1);
        let study = scan["study_uid"].as_str().unwrap();
        let path = format!("/dicom-web/studies/{study}/instances?limit=1000");
        let found: Vec<Value> = node.get(&path).await.json().await.unwrap();
        let of_study = found
            .iter()
            .filter(|instance| instance["00080016"]["Value"][0] == "1.2.840.10008.5.1.4.1.1.2");
        for instance in of_study {
            let uid = instance["00080018"]["Value"][0].as_str().unwrap().to_owned();
            assert!(stored.insert(uid), "an instance is stored twice");
        }
    }
    assert_eq!(stored.len(), instances, "every instance is stored");
    let counts = pacs.0.lock().unwrap().clone();
    assert_eq!(counts.len(), PEERS, "one report for each study");
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    for left in ["incoming", "taken", "refused", "receiving"] {
        assert!(
            entries(&folder.path().join("data/pacs").join(left)).is_empty(),
            "{left}"
        );
    }
}
