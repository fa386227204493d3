//! Who subscribed is told of work items over a WebSocket.

use std::time::Duration;

use norma_domain::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::{App, client, make_key, problem, spawn_app};
use crate::workitems::{JSON, create, item, send, value};

const WORKLIST: &str = "1.2.840.10008.5.1.4.34.5";
const FILTERED: &str = "1.2.840.10008.5.1.4.34.5.1";

/// A WebSocket (RFC 6455) as far as the test needs one.
pub(crate) struct Socket(TcpStream);

impl Socket {
    /// The status of the answer where it is none.
    pub(crate) async fn open(app: &App, key: &str, path: &str) -> Result<Self, String> {
        let address = app.base.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().to_owned();
        if status != "101" {
            return Err(status);
        }
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        Ok(Self(stream))
    }

    /// The next text. None where none comes in a while, or the connection ends.
    async fn next(&mut self) -> Option<Value> {
        let reading = async {
            loop {
                let first = self.0.read_u8().await.ok()?;
                let length = match self.0.read_u8().await.ok()? {
                    126 => u64::from(self.0.read_u16().await.ok()?),
                    127 => self.0.read_u64().await.ok()?,
                    length => u64::from(length),
                };
                let mut payload = vec![0; usize::try_from(length).unwrap()];
                self.0.read_exact(&mut payload).await.ok()?;
                match first & 0x0F {
                    1 => return serde_json::from_slice(&payload).ok(),
                    8 => return None,
                    _ => {}
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(3), reading).await.ok()?
    }
}

/// Type, work item and state of an event.
fn told(event: &Value) -> (u64, String, String) {
    assert_eq!(event["00000002"]["Value"][0], "1.2.840.10008.5.1.4.34.6.1");
    let text = |tag: &str| event[tag]["Value"][0].as_str().unwrap_or_default().to_owned();
    (
        event["00001002"]["Value"][0].as_u64().unwrap(),
        text("00001000"),
        text("00741000"),
    )
}

fn of(kind: u64, uid: &str, state: &str) -> (u64, String, String) {
    (kind, uid.to_owned(), state.to_owned())
}

#[tokio::test]
async fn a_subscriber_is_told_of_states_progress_and_requests_to_cancel() {
    let app = spawn_app().await;
    let key = make_key(&app.database, "clinic", &[Role::Clinician], |_| {}).await;
    let own = client(Some(&key));
    let url = |path: &str| format!("{}/dicom-web{path}", app.base);
    create(&app, "1.1", &item(Some("OTHER"), None)).await;
    let subscribed = own
        .post(url(&format!(
            "/workitems/{WORKLIST}/subscribers/WATCH?deletionlock=true"
        )))
        .send()
        .await
        .unwrap();
    assert_eq!(subscribed.status(), StatusCode::CREATED);
    let location = subscribed.headers()["content-location"]
        .to_str()
        .unwrap()
        .to_owned();
    let path = location
        .strip_prefix(&app.base.replacen("http", "ws", 1))
        .unwrap();
    let mut socket = Socket::open(&app, &key, path)
        .await
        .unwrap_or_else(|status| panic!("{status}"));
    assert_eq!(told(&socket.next().await.unwrap()), of(1, "1.1", "SCHEDULED"));

    create(&app, "1.2", &item(Some("OTHER"), None)).await;
    assert_eq!(told(&socket.next().await.unwrap()), of(1, "1.2", "SCHEDULED"));
    let claim = json!({ "00741000": value("CS", "IN PROGRESS"), "00081195": value("UI", "1.9") });
    send(&app, Method::PUT, "/workitems/1.2/state", &claim)
        .send()
        .await
        .unwrap();
    let event = socket.next().await.unwrap();
    assert_eq!(told(&event), of(1, "1.2", "IN PROGRESS"));
    assert!(!event.to_string().contains("1.9"), "nobody is told the key");
    let progress = json!({ "00741002": { "vr": "SQ", "Value": [{ "00741004": value("DS", "50") }] } });
    send(
        &app,
        Method::POST,
        "/workitems/1.2?transaction-uid=1.9",
        &progress,
    )
    .send()
    .await
    .unwrap();
    let event = socket.next().await.unwrap();
    assert_eq!(told(&event), of(3, "1.2", ""));
    assert_eq!(event["00741002"]["Value"][0]["00741004"]["Value"][0], "50");
    let why = json!({ "00741238": value("LT", "the patient left") });
    let asked = send(&app, Method::POST, "/workitems/1.2/cancelrequest", &why)
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), StatusCode::ACCEPTED);
    let event = socket.next().await.unwrap();
    assert_eq!(told(&event), of(2, "1.2", ""));
    assert_eq!(event["00741238"]["Value"][0], "the patient left");
    // What nobody has claimed is canceled by way of IN PROGRESS.
    app.post("/dicom-web/workitems/1.1/cancelrequest").await;
    assert_eq!(told(&socket.next().await.unwrap()), of(1, "1.1", "IN PROGRESS"));
    assert_eq!(told(&socket.next().await.unwrap()), of(1, "1.1", "CANCELED"));

    let end = async |path: &str, method: Method| {
        let sent = own.request(
            method,
            url(&format!("/workitems/{WORKLIST}/subscribers/WATCH{path}")),
        );
        sent.send().await.unwrap().status()
    };
    assert_eq!(end("/suspend", Method::POST).await, StatusCode::OK);
    create(&app, "1.3", &item(Some("OTHER"), None)).await;
    let relabelled = json!({ "00404041": value("CS", "INCOMPLETE") });
    let path = "/workitems/1.2?transaction-uid=1.9";
    send(&app, Method::POST, path, &relabelled).send().await.unwrap();
    assert_eq!(
        told(&socket.next().await.unwrap()).1,
        "1.2",
        "of those that were there it hears on"
    );
    assert_eq!(end("", Method::DELETE).await, StatusCode::OK);
    assert_eq!(end("", Method::DELETE).await, StatusCode::NOT_FOUND);
    app.database
        .revoke_api_key(key_id(&app, "clinic").await)
        .await
        .unwrap();
    let gone = tokio::time::timeout(Duration::from_secs(20), async {
        let mut byte = [0];
        while socket.0.read(&mut byte).await.is_ok_and(|read| read > 0) {}
    });
    gone.await.expect("who is not let in any more hears no more");
}

async fn key_id(app: &App, name: &str) -> norma_domain::KeyId {
    let keys = app.get_json("/api/keys").await;
    let keys = keys["items"].as_array().unwrap();
    let key = keys.iter().find(|key| key["name"] == name).unwrap();
    key["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_part_of_the_worklist_is_heard_of_alone_and_nobody_hears_for_another() {
    let app = spawn_app().await;
    let key = make_key(&app.database, "lab", &[Role::Integrator], |_| {}).await;
    let lab = client(Some(&key));
    let url = |path: &str| format!("{}/dicom-web{path}", app.base);
    let filter = "ScheduledStationNameCodeSequence.CodeValue%3DA";
    let path = format!("/workitems/{FILTERED}/subscribers/WATCH");
    let filtered = format!("{path}?filter={filter}");
    let own = lab.post(url(&filtered)).send().await.unwrap();
    assert_eq!(own.status(), StatusCode::CREATED);
    let unfiltered = lab.post(url(&path)).send().await.unwrap();
    problem(unfiltered, StatusCode::BAD_REQUEST, "invalid_parameter").await;
    let of_clinicians = app.request(Method::POST, &format!("/dicom-web{filtered}"));
    let of_clinicians = of_clinicians.send().await.unwrap();
    assert_eq!(of_clinicians.status(), StatusCode::CREATED);

    create(&app, "1.1", &item(Some("A"), None)).await;
    for (uid, station) in [("2.1", "B"), ("2.2", "A")] {
        let sent = lab
            .post(url(&format!("/workitems?{uid}")))
            .header("content-type", JSON);
        let sent = sent
            .body(item(Some(station), None).to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(sent.status(), StatusCode::CREATED);
    }
    let mut socket = Socket::open(&app, &key, "/dicom-web/ws/subscribers/WATCH")
        .await
        .unwrap_or_else(|status| panic!("{status}"));
    assert_eq!(
        told(&socket.next().await.unwrap()),
        of(1, "2.2", "SCHEDULED"),
        "its own, of station A"
    );
    assert_eq!(socket.next().await, None);
    let hidden = lab
        .post(url("/workitems/1.1/subscribers/WATCH"))
        .send()
        .await
        .unwrap();
    problem(hidden, StatusCode::NOT_FOUND, "workitem_not_found").await;
    assert_eq!(
        Socket::open(&app, "norma_wrong", "/dicom-web/subscribers/WATCH")
            .await
            .err()
            .as_deref(),
        Some("401")
    );
    let plain = lab.get(url("/subscribers/WATCH")).send().await.unwrap();
    problem(plain, StatusCode::BAD_REQUEST, "invalid_parameter").await;
}

/// What the service itself tells: its status, and that of its lists.
fn service_status(event: &Value) -> [&str; 3] {
    assert_eq!(event["00001002"]["Value"][0], 4);
    assert_eq!(event["00001000"]["Value"][0], WORKLIST);
    ["00741242", "00741244", "00741246"].map(|tag| event[tag]["Value"][0].as_str().unwrap_or_default())
}

#[tokio::test]
async fn subscribers_are_told_that_the_service_ends_and_runs_again() {
    let app = spawn_app().await;
    let key = make_key(&app.database, "clinic", &[Role::Clinician], |_| {}).await;
    let own = client(Some(&key));
    let subscribed = own
        .post(format!(
            "{}/dicom-web/workitems/{WORKLIST}/subscribers/WATCH",
            app.base
        ))
        .send()
        .await
        .unwrap();
    assert_eq!(subscribed.status(), StatusCode::CREATED);
    let path = "/dicom-web/ws/subscribers/WATCH";
    let mut socket = Socket::open(&app, &key, path).await.unwrap();
    let app = app.restarted().await;
    let event = socket.next().await.unwrap();
    assert_eq!(service_status(&event), ["GOING DOWN", "", ""]);
    assert_eq!(socket.next().await, None, "and then it ends");

    // Who comes late is told once, and hears on what it subscribed to.
    let app = app.restarted().await;
    create(&app, "1.1", &item(Some("OTHER"), None)).await;
    let mut socket = Socket::open(&app, &key, path).await.unwrap();
    let event = socket.next().await.unwrap();
    assert_eq!(service_status(&event), ["RESTARTED", "WARM START", "WARM START"]);
    assert_eq!(told(&socket.next().await.unwrap()), of(1, "1.1", "SCHEDULED"));
    // A work item that names the same attribute is none of the service's.
    let claim = json!({ "00741000": value("CS", "IN PROGRESS"), "00081195": value("UI", "1.9") });
    send(&app, Method::PUT, "/workitems/1.1/state", &claim)
        .send()
        .await
        .unwrap();
    socket.next().await.unwrap();
    drop(socket);
    let progress = json!({ "00741002": { "vr": "SQ", "Value": [{ "00741242": value("CS", "X") }] } });
    send(
        &app,
        Method::POST,
        "/workitems/1.1?transaction-uid=1.9",
        &progress,
    )
    .send()
    .await
    .unwrap();
    let app = app.restarted().await;
    let mut socket = Socket::open(&app, &key, path).await.unwrap();
    assert_eq!(told(&socket.next().await.unwrap()), of(3, "1.1", ""));
    assert_eq!(service_status(&socket.next().await.unwrap())[0], "RESTARTED");
}
