//! A whole study whose every text is a marker goes down the line, through processes as they are in use: the marker is
//! found in no log, span, metric, message or error. And its spans, of all the processes, are one trace.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod collector;
#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::collections::BTreeSet;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use collector::Collector;
use futures::StreamExt;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use norma_domain::Stage;
use norma_test_support::servers::{GuardedProcess, PostgreSql, RabbitMq, free_port, logged_command};
use norma_test_support::{PhantomOptions, write_phantom_series};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use studies::{onnxruntime, test_bundle};
use tempfile::TempDir;

const MARKER: &str = "ZMARKEROVA";
const PATIENCE: Duration = Duration::from_secs(240);

/// The processes of an installation, each with its log.
struct Processes {
    running: Vec<GuardedProcess>,
    admin_ports: Vec<u16>,
    environment: Vec<(&'static str, String)>,
    folder: TempDir,
    gateway: String,
}

impl Processes {
    fn new(collector: &Collector, onnxruntime: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gateway_port = free_port();
        let text = |path: PathBuf| path.display().to_string();
        let environment = vec![
            ("NORMA__OBJECTS__FOLDER", text(folder.path().join("objects"))),
            ("NORMA__GATEWAY__SPOOL_FOLDER", text(folder.path().join("spool"))),
            ("NORMA__GATEWAY__PORT", gateway_port.to_string()),
            ("NORMA__MODELS__BUNDLE", text(test_bundle())),
            ("NORMA__MODELS__ONNXRUNTIME", text(onnxruntime.to_owned())),
            ("NORMA__MODELS__CUDA", "off".to_owned()),
            ("NORMA__MODELS__THREADS", "1".to_owned()),
            ("NORMA__TELEMETRY__FORMAT", "json".to_owned()),
            ("NORMA__TELEMETRY__LEVEL", "debug".to_owned()),
            ("NORMA__IDENTITY__AUTHENTICATION", "off".to_owned()),
            ("NORMA__TELEMETRY__OTLP_ENDPOINT", collector.endpoint().to_owned()),
        ];
        Self {
            running: Vec::new(),
            admin_ports: Vec::new(),
            environment,
            folder,
            gateway: format!("http://127.0.0.1:{gateway_port}"),
        }
    }

    fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.environment.push((name, value.into()));
    }

    fn start(&mut self, service: &str) {
        let admin_port = free_port();
        let log = self.folder.path().join(format!("{service}.log"));
        let mut command = logged_command(env!("CARGO_BIN_EXE_norma"), service, &log);
        command
            .current_dir(self.folder.path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("NORMA__ADMIN__PORT", admin_port.to_string());
        let scratch = self.folder.path().join("of-process");
        self.running
            .push(GuardedProcess::spawn(command, &scratch).unwrap());
        if service != "gateway" && service != "serve" {
            self.admin_ports.push(admin_port);
        }
    }

    /// What all processes wrote, and on which line the marker stands.
    fn logs(&self) -> Vec<(String, String)> {
        let mut logs = Vec::new();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                logs.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
        logs
    }

    async fn metrics(&self) -> String {
        let mut metrics = text_of(&format!("{}/metrics", self.gateway)).await;
        for port in &self.admin_ports {
            metrics.push_str(&text_of(&format!("http://127.0.0.1:{port}/metrics")).await);
        }
        metrics
    }

    /// Ends every process in order, so that the last spans are sent.
    fn stop(&mut self) {
        for process in &mut self.running {
            process.stop("TERM", Duration::from_secs(20));
        }
    }
}

async fn text_of(url: &str) -> String {
    reqwest::get(url).await.unwrap().text().await.unwrap()
}

/// A phantom whose patient, study and archive members are named by the marker.
fn marked_study() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    write_phantom_series(&PhantomOptions::small(), folder.path()).unwrap();
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        // Values of the same length, so that no length changes.
        for (found, marked) in [
            ("PHANTOM^NORMA", "ZMARKEROVA^AB"),
            ("PHANTOM CHEST", "ZMARKEROVA DE"),
            ("PHANTOM-1 ", "ZMARKEROVA"),
        ] {
            assert_eq!(found.len(), marked.len());
            let place = bytes
                .windows(found.len())
                .position(|window| window == found.as_bytes());
            let place = place.unwrap_or_else(|| panic!("{found} is in the phantom"));
            bytes[place..place + found.len()].copy_from_slice(marked.as_bytes());
        }
        let name = path.file_name().unwrap().to_string_lossy();
        archive
            .start_file(
                format!("{MARKER}/{MARKER}-{name}"),
                zip::write::SimpleFileOptions::default(),
            )
            .unwrap();
        archive.write_all(&bytes).unwrap();
    }
    // One that cannot be read is spoken of somewhere.
    archive
        .start_file(
            format!("{MARKER}/{MARKER}.dcm"),
            zip::write::SimpleFileOptions::default(),
        )
        .unwrap();
    archive
        .write_all(&[&[0; 128][..], b"DICM", &[0xFF; 64]].concat())
        .unwrap();
    archive.finish().unwrap().into_inner()
}

fn form(study: &[u8]) -> Form {
    let part = Part::bytes(study.to_vec()).file_name(format!("{MARKER}.zip"));
    Form::new().part("file", part)
}

/// Uses the gateway as a person and a program would, well and badly. Gives the bodies of the refusals.
async fn work(gateway: &str) -> Vec<String> {
    let client = reqwest::Client::new();
    let started = Instant::now();
    while !client
        .get(format!("{gateway}/readyz"))
        .send()
        .await
        .is_ok_and(|answer| answer.status().is_success())
    {
        assert!(started.elapsed() < PATIENCE, "the gateway is never ready");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let patient: Value = client
        .post(format!("{gateway}/api/patients"))
        .json(&json!({"first_name": MARKER, "last_name": MARKER, "description": MARKER}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let patient_id = patient["id"].as_str().unwrap().to_owned();
    let study = marked_study();
    let scan: Value = client
        .post(format!("{gateway}/api/scans"))
        .multipart(
            form(&study)
                .text("patient_id", patient_id.clone())
                .text("description", MARKER),
        )
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let scan_id = scan["id"].as_str().unwrap().to_owned();
    let analyze = format!("{gateway}/api/scans/{scan_id}/analyze");
    let analyzed = client
        .post(&analyze)
        .header("prefer", "wait=120")
        .send()
        .await
        .unwrap();
    assert!(analyzed.status().is_success(), "{}", analyzed.status());
    let report = format!("{gateway}/api/scans/{scan_id}/report");
    loop {
        let answer = client.get(&report).send().await.unwrap();
        if answer.status() != reqwest::StatusCode::CONFLICT {
            assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
            break;
        }
        assert!(started.elapsed() < PATIENCE, "the analysis never ends");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    client
        .get(format!("{gateway}/api/studies?search={MARKER}"))
        .send()
        .await
        .unwrap();
    client
        .get(format!("{gateway}/api/scans/{scan_id}/file"))
        .send()
        .await
        .unwrap();

    let mut refusals = Vec::new();
    let broken = format!("{{\"first_name\": \"{MARKER}\", \"last_name\": 1}}");
    for request in [
        client.get(format!("{gateway}/api/patients/{MARKER}")),
        client.get(format!("{gateway}/{MARKER}")),
        client.get(format!("{gateway}/api/patients?limit={MARKER}")),
        client.post(format!("{analyze}?operating_point={MARKER}")),
        client
            .post(format!("{gateway}/api/patients"))
            .header("content-type", "application/json")
            .body(broken),
        client
            .post(format!("{gateway}/api/scans"))
            .multipart(Form::new().text(MARKER, MARKER)),
        client
            .post(format!("{gateway}/api/scans"))
            .multipart(form(b"nothing").text("patient_id", MARKER)),
        client
            .post(format!("{gateway}/api/scans"))
            .multipart(form(b"nothing").text("deidentify", "true")),
    ] {
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_client_error(), "{}", answer.status());
        refusals.push(answer.text().await.unwrap());
    }
    // An upload that is no study: its analysis fails, and says why.
    let predicted = client
        .post(format!("{gateway}/inference/predict"))
        .multipart(form(b"no study at all"))
        .send()
        .await
        .unwrap();
    assert!(predicted.status().is_success(), "{}", predicted.status());
    let gone = client
        .delete(format!("{gateway}/api/patients/{patient_id}"))
        .send()
        .await
        .unwrap();
    assert!(gone.status().is_success());
    refusals
}

/// Asserts that the marker stands nowhere, and that something was looked through.
fn assert_unmarked(place: &str, text: &[u8]) {
    assert!(!text.is_empty(), "{place}: nothing was captured");
    let text = String::from_utf8_lossy(text);
    let found = text.lines().find(|line| line.to_uppercase().contains(MARKER));
    assert_eq!(found, None, "in {place}");
}

/// Spans of one analysis, from the request to the report, are of one trace.
fn assert_one_trace(collector: &Collector, services: &[&str]) {
    let spans = collector.spans();
    let of_analysis = spans
        .iter()
        .find(|span| span.name.contains("/analyze"))
        .expect("the request for an analysis has a span");
    let in_trace: BTreeSet<&str> = spans
        .iter()
        .filter(|span| span.trace_id == of_analysis.trace_id)
        .map(|span| span.service.as_str())
        .collect();
    for service in services {
        assert!(
            in_trace
                .iter()
                .any(|known| known.contains(&format!("norma-{service}\""))),
            "{service} is not in the trace, which has {in_trace:?}"
        );
    }
}

async fn assert_nothing_is_told(processes: &mut Processes, collector: &Collector) {
    let gateway = processes.gateway.clone();
    let refusals = work(&gateway).await;
    assert_unmarked("the metrics", processes.metrics().await.as_bytes());
    processes.stop();
    assert_unmarked("the refusals", refusals.join("\n").as_bytes());
    assert_unmarked("the spans", &collector.bytes());
    for (name, log) in processes.logs() {
        assert_unmarked(&name, log.as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_one_process_nothing_of_a_patient_is_told() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let collector = Collector::start().await;
    let mut processes = Processes::new(&collector, &onnxruntime);
    let database = processes.folder.path().join("norma.db");
    processes.set("NORMA__DATABASE__URL", format!("sqlite://{}", database.display()));
    processes.start("serve");
    assert_nothing_is_told(&mut processes, &collector).await;
    assert_one_trace(&collector, &["serve"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_broker_nothing_of_a_patient_is_told() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let Some(broker) = tokio::task::spawn_blocking(RabbitMq::start).await.unwrap() else {
        return;
    };
    let Some(postgresql) = tokio::task::spawn_blocking(PostgreSql::start).await.unwrap() else {
        return;
    };
    let collector = Collector::start().await;
    let mut processes = Processes::new(&collector, &onnxruntime);
    processes.set("NORMA__DATABASE__URL", postgresql.fresh_database());
    processes.set("NORMA__DATABASE__CONNECTIONS", "4");
    processes.set("NORMA__QUEUE__KIND", "rabbitmq");
    processes.set("NORMA__QUEUE__RABBITMQ__URL", broker.url());
    processes.start("gateway");
    for stage in Stage::ALL {
        processes.start(stage.as_str());
    }
    let messages = Arc::new(Mutex::new(Vec::new()));
    let listener = tokio::spawn(listen(broker.url(), Arc::clone(&messages)));
    assert_nothing_is_told(&mut processes, &collector).await;
    listener.abort();
    let messages = messages.lock().unwrap().clone();
    assert!(
        messages.len() >= 5,
        "an analysis has five messages at least: {}",
        messages.len()
    );
    assert_unmarked("the messages", messages.join("\n").as_bytes());
    let services: Vec<&str> = ["gateway"]
        .into_iter()
        .chain(Stage::ALL.map(Stage::as_str))
        .collect();
    assert_one_trace(&collector, &services);
}

/// Keeps what is published, properties and headers included.
async fn listen(broker: String, messages: Arc<Mutex<Vec<String>>>) {
    let connection = Connection::connect(&broker, ConnectionProperties::default())
        .await
        .unwrap();
    // The exchange comes with the first process that connects.
    let (channel, queue) = loop {
        let channel = connection.create_channel().await.unwrap();
        let exclusive = QueueDeclareOptions {
            exclusive: true,
            ..QueueDeclareOptions::default()
        };
        let queue = channel
            .queue_declare("".into(), exclusive, FieldTable::default())
            .await
            .unwrap();
        let bound = channel
            .queue_bind(
                queue.name().clone(),
                "norma.pipeline".into(),
                "#".into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await;
        if bound.is_ok() {
            break (channel, queue);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let mut deliveries = channel
        .basic_consume(
            queue.name().clone(),
            "".into(),
            BasicConsumeOptions {
                no_ack: true,
                ..BasicConsumeOptions::default()
            },
            FieldTable::default(),
        )
        .await
        .unwrap();
    while let Some(Ok(delivery)) = deliveries.next().await {
        let body = String::from_utf8_lossy(&delivery.data).into_owned();
        let message = format!("{body} {:?} {:?}", delivery.routing_key, delivery.properties);
        messages.lock().unwrap().push(message);
    }
}

/// Passwords of servers that cannot be reached stand in no log, at whatever level, and in no message of an end.
#[tokio::test]
async fn no_password_is_told() {
    let secret = "hidden-password";
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let secret_file = folder.path().join("secret");
    std::fs::write(&secret_file, format!("{secret}-of-the-bucket\n")).unwrap();
    let port = free_port();
    for database in [
        format!("postgresql://norma:{secret}@127.0.0.1:{port}/norma"),
        format!("postgresql://norma:{secret}@127.0.0.1:not-a-port/norma"),
        format!("mysql://norma:{secret}@127.0.0.1/norma"),
    ] {
        let mut command = logged_command(env!("CARGO_BIN_EXE_norma"), "preprocess", &log);
        command
            .current_dir(folder.path())
            .env("NORMA__DATABASE__URL", database)
            .env("NORMA__QUEUE__KIND", "rabbitmq")
            .env(
                "NORMA__QUEUE__RABBITMQ__URL",
                format!("amqp://norma:{secret}@127.0.0.1:{port}/%2f"),
            )
            .env("NORMA__OBJECTS__KIND", "s3")
            .env("NORMA__OBJECTS__S3__ENDPOINT", format!("http://127.0.0.1:{port}"))
            .env("NORMA__OBJECTS__S3__ACCESS_KEY_ID", "norma")
            .env("NORMA__OBJECTS__S3__SECRET_ACCESS_KEY_FILE", &secret_file)
            .env("NORMA__TELEMETRY__LEVEL", "trace");
        let before = std::fs::metadata(&log).map_or(0, |log| log.len());
        let mut process = GuardedProcess::spawn(command, &folder.path().join("of-process")).unwrap();
        let started = Instant::now();
        let is_told = || std::fs::metadata(&log).is_ok_and(|log| log.len() > before);
        while !is_told() && started.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // The queue and the database try again and again.
        tokio::time::sleep(Duration::from_secs(2)).await;
        process.kill();
    }
    let told = std::fs::read_to_string(&log).unwrap();
    assert!(told.contains("database"), "nothing was captured: {told}");
    let found = told.lines().find(|line| line.contains(secret));
    assert_eq!(found, None);
}
