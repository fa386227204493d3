//! A result that counts as delivered once its destination says that it has stored it: over the association that asked, over one of its
//! own across a kill, or by being found.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "shared with the other tests")]
mod dicom_node;
#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dicom_node::archive::{self, sends_to};
use dicom_node::{Node, assert_sent, study};
use norma_dicom_network::{
    AeTitle, AssociationId, CommitmentFailure, CommitmentProvider, CommitmentReport, CommitmentRequest,
    HeldReport, InstanceSink, MAX_PDU_LENGTH, ReceivedInstance, Scp, Scu, ScuOptions, Status, StoreFailure,
};
use norma_test_support::servers::free_port;
use serde_json::Value;
use studies::onnxruntime;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// A PACS in this process.
#[derive(Clone, Default)]
struct Archive(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// SOP Instance UIDs in the order in which they came.
    received: Vec<String>,
    /// How many objects it loses before it is asked.
    loses: usize,
    /// It tells over an association of its own.
    tells_later: bool,
    told_later: Vec<CommitmentReport>,
    asked: usize,
}

#[async_trait]
impl InstanceSink for Archive {
    async fn accept(&self, instance: ReceivedInstance) -> Result<(), StoreFailure> {
        self.0.lock().unwrap().received.push(instance.sop_instance_uid);
        Ok(())
    }
}

#[async_trait]
impl CommitmentProvider for Archive {
    fn serves(&self, _calling: &AeTitle) -> bool {
        true
    }

    async fn take(
        &self,
        request: CommitmentRequest,
        _calling: &AeTitle,
        _association: AssociationId,
    ) -> Result<HeldReport, Status> {
        let mut state = self.0.lock().unwrap();
        state.asked += 1;
        let (mut committed, mut failed) = (Vec::new(), Vec::new());
        for reference in request.instances {
            if state.loses > 0 {
                state.loses -= 1;
                failed.push((reference, CommitmentFailure::NoSuchInstance));
            } else {
                assert!(state.received.contains(&reference.instance_uid));
                committed.push(reference);
            }
        }
        let report = CommitmentReport {
            transaction_uid: request.transaction_uid,
            committed,
            failed,
        };
        let mut until = Instant::now() + Duration::from_secs(10);
        if state.tells_later {
            state.told_later.push(report.clone());
            until = Instant::now();
        }
        Ok(HeldReport { report, until })
    }

    async fn reported(&self, _association: AssociationId, _transaction_uid: &str) {}

    async fn association_ended(&self, _association: AssociationId) {}
}

impl Archive {
    async fn listen(&self, port: u16) -> CancellationToken {
        archive::listen(port, |options| {
            let archive = Arc::new(self.clone());
            Scp::new(options, archive.clone()).with_commitment(archive)
        })
        .await
    }

    /// How often each object came.
    fn counts(&self) -> Vec<usize> {
        let received = self.0.lock().unwrap().received.clone();
        let mut distinct = received.clone();
        distinct.sort();
        distinct.dedup();
        let counts = distinct
            .iter()
            .map(|uid| received.iter().filter(|other| *other == uid).count());
        counts.collect()
    }
}

const COMMITMENT: &str = "NORMA__PACS__DESTINATIONS__ARCHIVE__COMMITMENT";

/// Settings of a node that asks a PACS at this port what it has stored.
fn confirmed_by(port: u16) -> Vec<(&'static str, String)> {
    let mut settings = sends_to(port);
    settings.push((COMMITMENT, "true".to_owned()));
    settings
}

fn is_delivered(delivery: &Value) -> bool {
    delivery["state"] == "delivered"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_and_lost_is_sent_again_before_it_counts() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    let port = free_port();
    let archive = Archive::default();
    archive.0.lock().unwrap().loses = 2;
    let _listening = archive.listen(port).await;
    let node = Node::start(folder.path(), &onnxruntime, &confirmed_by(port)).await;
    assert_sent(&node.send(&files));
    let done = node.delivery(is_delivered).await;
    assert_eq!(done["attempts"], 2, "{done}");
    let mut counts = archive.counts();
    counts.sort_unstable();
    assert!(counts.len() > 3);
    let again = counts.split_off(counts.len() - 2);
    assert!(
        counts.iter().all(|count| *count == 1) && again == [2, 2],
        "{counts:?} {again:?}"
    );
    assert_eq!(archive.0.lock().unwrap().asked, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_tells_later_is_waited_for_across_a_kill() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    let port = free_port();
    let archive = Archive::default();
    archive.0.lock().unwrap().tells_later = true;
    let _listening = archive.listen(port).await;
    let settings = confirmed_by(port);
    let mut node = Node::start(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send(&files));
    node.delivery(|delivery| delivery["reason_code"] == "commitment_awaited")
        .await;
    node.process.kill();
    drop(node);
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    let kept = node.delivery(|delivery| delivery["state"] != "delivered").await;
    assert_eq!(archive.0.lock().unwrap().asked, 1, "{kept}");

    let report = archive.0.lock().unwrap().told_later[0].clone();
    let tell = async |calling: &str, report: &CommitmentReport| {
        let options = ScuOptions {
            address: format!("127.0.0.1:{}", node.dicom_port),
            called: "NORMA".parse().unwrap(),
            calling: calling.parse().unwrap(),
            max_pdu_length: MAX_PDU_LENGTH,
            connect_timeout: Duration::from_secs(5),
            tls: None,
            answer_timeout: Duration::from_secs(30),
        };
        let mut scu = Scu::for_commitment_report(&options).await.unwrap();
        let told = scu.report(report).await;
        let _ = scu.release().await;
        told
    };
    assert!(tell("STRANGER", &report).await.is_err(), "nobody asked it");
    // Of nothing that was asked: taken, and of no effect.
    let unasked = CommitmentReport {
        transaction_uid: "1.2.3".to_owned(),
        ..report.clone()
    };
    tell("ARCHIVE", &unasked).await.unwrap();
    assert_eq!(node.deliveries("?state=delivered").await.len(), 0);
    tell("ARCHIVE", &report).await.unwrap();
    node.delivery(is_delivered).await;
    assert!(
        archive.counts().iter().all(|count| *count == 1),
        "each object once"
    );
}

/// A DICOMweb service that answers every store with success, and finds nothing until it was asked so often.
async fn service(port: u16, hidden: usize) -> Arc<Mutex<(usize, usize)>> {
    let counts = Arc::new(Mutex::new((0, 0)));
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let counting = Arc::clone(&counts);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, Arc::clone(&counting), hidden));
        }
    });
    counts
}

async fn answer(mut stream: TcpStream, counts: Arc<Mutex<(usize, usize)>>, hidden: usize) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.to_lowercase();
    let length = length
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.lines().next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.unwrap();
    let document = if head.starts_with("POST") {
        counts.lock().unwrap().0 += 1;
        "{}".to_owned()
    } else {
        let mut counts = counts.lock().unwrap();
        counts.1 += 1;
        let uid = head
            .split("SOPInstanceUID=")
            .nth(1)
            .unwrap()
            .split(' ')
            .next()
            .unwrap();
        if counts.1 > hidden {
            format!("[{{\"00080018\":{{\"vr\":\"UI\",\"Value\":[\"{uid}\"]}}}}]")
        } else {
            "[]".to_owned()
        }
    };
    let length = document.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{document}"
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dicomweb_service_is_searched_for_what_it_took() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = study(files.path());
    let port = free_port();
    let counts = service(port, 1).await;
    let settings = [
        (
            "NORMA__PACS__DESTINATIONS__ARCHIVE__URL",
            format!("http://127.0.0.1:{port}"),
        ),
        (COMMITMENT, "true".to_owned()),
    ];
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send(&files));
    let done = node.delivery(is_delivered).await;
    assert_eq!(done["attempts"], 2, "{done}");
    let (stored, searched) = *counts.lock().unwrap();
    assert_eq!(stored, 2, "what was not found is sent again");
    assert!(searched > 6, "{searched}");
}
