//! Results sent as HL7 v2, FHIR and webhook: once, across failures, and after a refusal when a person says so.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "shared with the other tests")]
mod dicom_node;
mod mllp_receiver;
#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::sync::{Arc, Mutex};

use dicom_node::{Node, assert_sent, study};
use mllp_receiver::{acknowledge, read_message};
use serde_json::Value;
use studies::onnxruntime;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A receiver that answers as it is told, the last answer again and again, and keeps what came.
#[derive(Clone)]
struct Receiver {
    answers: Arc<Mutex<Vec<&'static str>>>,
    received: Arc<Mutex<Vec<String>>>,
    port: u16,
}

impl Receiver {
    async fn start(is_hl7: bool, answers: &[&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            answers: Arc::new(Mutex::new(answers.to_vec())),
            received: Arc::default(),
            port: listener.local_addr().unwrap().port(),
        };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = serving.clone();
                tokio::spawn(async move {
                    if is_hl7 {
                        receiver.acknowledge(stream).await;
                    } else {
                        receiver.answer(stream).await;
                    }
                });
            }
        });
        receiver
    }

    fn took(&self, message: &str) -> &'static str {
        self.received.lock().unwrap().push(message.to_owned());
        let mut answers = self.answers.lock().unwrap();
        if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers[0]
        }
    }

    async fn acknowledge(&self, mut stream: TcpStream) {
        if let Some(message) = read_message(&mut stream).await {
            let code = self.took(&message);
            acknowledge(&mut stream, &message, code).await;
        }
    }

    async fn answer(&self, mut stream: TcpStream) {
        let mut request = Vec::new();
        loop {
            if stream.read_buf(&mut request).await.unwrap() == 0 {
                return;
            }
            let text = String::from_utf8_lossy(&request).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                let status = self.took(&text);
                let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
                return;
            }
        }
    }

    fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }
}

/// The delivery to a destination, once it is in a state.
async fn delivery(node: &Node, destination: &str, state: &str) -> Value {
    node.delivery(|one| one["destination"] == destination && one["state"] == state)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_receiver_gets_the_answer_and_its_flag() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let (folder, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    // It fails, then refuses, then takes it; the others are busy at first.
    let ris = Receiver::start(true, &["AE", "AR", "AA"]).await;
    let record = Receiver::start(false, &["503", "200"]).await;
    let hook = Receiver::start(false, &["429", "204"]).await;
    let prefix = "NORMA__PACS__DESTINATIONS__";
    let settings = [
        ("RIS__KIND", "hl7".to_owned()),
        ("RIS__HOST", "127.0.0.1".to_owned()),
        ("RIS__PORT", ris.port.to_string()),
        ("RECORD__KIND", "fhir".to_owned()),
        ("RECORD__URL", format!("http://127.0.0.1:{}/r4", record.port)),
        ("HOOK__KIND", "webhook".to_owned()),
        ("HOOK__URL", format!("http://127.0.0.1:{}/norma", hook.port)),
        ("HOOK__SECRET", "a secret of 24 characters".to_owned()),
    ]
    .map(|(name, value)| (format!("{prefix}{name}"), value));
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    assert_sent(&node.send(&study(files.path())));

    let refused = delivery(&node, "ris", "failed").await;
    assert_eq!(refused["reason_code"], "refused_by_peer");
    assert_eq!(refused["peer_status"], "AR");
    // The answer is kept: no attempt after the first fetches the study.
    std::fs::remove_dir_all(folder.path().join("data/objects/originals")).unwrap();
    assert_eq!(node.send_again(&refused).await, 200);
    for destination in ["ris", "record", "hook"] {
        delivery(&node, destination, "delivered").await;
    }

    let scan = &node.scans().await[0];
    let verdict = node.verdict(scan).await["verdict"].clone();
    let flag = match verdict.as_str().unwrap() {
        "norm" => "N",
        "pathology" => "A",
        _ => "IND",
    };
    let messages = ris.received();
    assert_eq!(messages.len(), 3);
    assert!(
        messages.iter().all(|message| *message == messages[0]),
        "the same message"
    );
    let observation = messages[0]
        .split('\r')
        .find(|line| line.starts_with("OBX|1|"))
        .unwrap();
    assert_eq!(observation.split('|').nth(8), Some(flag));
    assert!(messages[0].contains("|PHANTOM^NORMA"));

    let bundles = record.received();
    assert_eq!(bundles.len(), 2);
    assert!(bundles[0].starts_with("POST /r4 HTTP/1.1\r\n"));
    let body =
        |request: &str| -> Value { serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap() };
    let bundle = body(&bundles[0]);
    assert_eq!(bundle, body(&bundles[1]));
    assert_eq!(bundle["type"], "transaction");

    let hooks = hook.received();
    assert_eq!(hooks.len(), 2);
    assert_eq!(body(&hooks[0])["data"]["verdict"], verdict);
    let id = |request: &str| {
        let line = request.lines().find(|line| line.starts_with("webhook-id: "));
        line.unwrap().to_owned()
    };
    assert_eq!(id(&hooks[0]), id(&hooks[1]));
}
