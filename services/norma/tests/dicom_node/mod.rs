//! `norma serve` as a DICOM node.

pub(crate) mod archive;
pub(crate) mod dcmqrscp;
pub(crate) mod message;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use norma_test_support::servers::{GuardedProcess, free_port};
use norma_test_support::{PhantomOptions, write_phantom_series};
use serde_json::Value;

use crate::studies::test_bundle;

pub(crate) const PATIENCE: Duration = Duration::from_secs(240);
const QUIET_SECONDS: u64 = 2;
/// A node as it is by itself.
pub(crate) const NO_SETTINGS: &[(&str, &str)] = &[];

pub(crate) struct Node {
    pub(crate) process: GuardedProcess,
    pub(crate) url: String,
    pub(crate) dicom_port: u16,
    pub(crate) client: reqwest::Client,
}

/// A command that serves with a node in `folder`.
pub(crate) fn serve(
    folder: &Path,
    http_port: u16,
    dicom_port: u16,
    settings: &[(impl AsRef<OsStr>, impl AsRef<OsStr>)],
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_norma"));
    command
        .args(["serve", "--data", "data", "--listen"])
        .arg(format!("127.0.0.1:{http_port}"))
        .current_dir(folder)
        .env("NORMA__IDENTITY__AUTHENTICATION", "off")
        .env("NORMA__GATEWAY__STORAGE__FREE_FLOOR_BYTES", "0")
        .env("NORMA__PACS__ENABLED", "true")
        .env("NORMA__PACS__PORT", dicom_port.to_string())
        .env("NORMA__PACS__QUIET_SECONDS", QUIET_SECONDS.to_string())
        .env("NORMA__MODELS__BUNDLE", test_bundle())
        .env("NORMA__MODELS__CUDA", "off");
    for (name, value) in settings {
        command.env(name, value);
    }
    command
}

impl Node {
    pub(crate) async fn start(
        folder: &Path,
        onnxruntime: &Path,
        settings: &[(impl AsRef<OsStr>, impl AsRef<OsStr>)],
    ) -> Self {
        let (http_port, dicom_port) = (free_port(), free_port());
        let mut command = serve(folder, http_port, dicom_port, settings);
        command.env("NORMA__MODELS__ONNXRUNTIME", onnxruntime);
        let mut node = Self {
            process: GuardedProcess::spawn(command, &folder.join("of-guard")).unwrap(),
            url: format!("http://127.0.0.1:{http_port}"),
            dicom_port,
            client: reqwest::Client::new(),
        };
        let started = Instant::now();
        while !node.is_ready().await {
            assert!(node.process.is_running(), "norma serve ended at its start");
            assert!(started.elapsed() < PATIENCE, "norma serve is never ready");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        node
    }

    pub(crate) async fn is_ready(&self) -> bool {
        let answer = self.client.get(format!("{}/readyz", self.url)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        let request = self.client.get(format!("{}{path}", self.url));
        request.send().await.unwrap()
    }

    pub(crate) async fn scans(&self) -> Vec<Value> {
        let page: Value = self.get("/api/scans").await.json().await.unwrap();
        page["items"].as_array().unwrap().clone()
    }

    /// The scans, newest first, once there are so many and each has its verdict.
    pub(crate) async fn answered(&self, count: usize) -> Vec<Value> {
        let started = Instant::now();
        loop {
            let scans = self.scans().await;
            let mut answered = 0;
            for scan in &scans {
                let path = format!("/api/scans/{}/report", scan["id"].as_str().unwrap());
                answered += usize::from(self.get(&path).await.status().is_success());
            }
            if (scans.len(), answered) == (count, count) {
                return scans;
            }
            assert!(scans.len() <= count, "{} scans", scans.len());
            assert!(
                started.elapsed() < PATIENCE,
                "{} scans, {answered} answered",
                scans.len()
            );
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    pub(crate) async fn verdict(&self, scan: &Value) -> Value {
        let path = format!("/api/scans/{}/report", scan["id"].as_str().unwrap());
        self.get(&path).await.json().await.unwrap()
    }

    /// How many analyses of a scan were requested.
    pub(crate) async fn analyses(&self, scan: &Value) -> u64 {
        let path = format!("/api/scans/{}/analyses", scan["id"].as_str().unwrap());
        let analyses: Value = self.get(&path).await.json().await.unwrap();
        analyses["total"].as_u64().unwrap()
    }

    /// The deliveries that a filter lets through (`?state=failed`), all on one page.
    pub(crate) async fn deliveries(&self, filter: &str) -> Vec<Value> {
        let answer = self.get(&format!("/api/deliveries{filter}")).await;
        let page: Value = answer.json().await.unwrap();
        let items = page["items"].as_array().unwrap().clone();
        assert_eq!(page["total"], items.len());
        items
    }

    /// A delivery, once it is as wanted.
    pub(crate) async fn delivery(&self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let all = self.deliveries("").await;
            if let Some(found) = all.iter().find(|delivery| is_wanted(delivery)) {
                return found.clone();
            }
            assert!(started.elapsed() < PATIENCE, "{all:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub(crate) async fn send_again(&self, delivery: &Value) -> reqwest::StatusCode {
        let path = format!("/api/deliveries/{}/send-again", delivery["id"].as_str().unwrap());
        let request = self.client.post(format!("{}{path}", self.url));
        request.send().await.unwrap().status()
    }

    /// Waits until a metric says so.
    pub(crate) async fn metric(&self, line: &str) {
        let started = Instant::now();
        loop {
            let metrics = self.get("/metrics").await.text().await.unwrap();
            if metrics.lines().any(|found| found == line) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "no {line}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// DCMTK's where it is installed, Norma's own otherwise.
    pub(crate) fn send(&self, files: &[PathBuf]) -> Output {
        self.send_as(None, files)
    }

    /// As the node of this title; None for the sender's own.
    pub(crate) fn send_as(&self, calling: Option<&str>, files: &[PathBuf]) -> Output {
        let storescu = Path::new("/usr/bin/storescu");
        let mut command = if storescu.exists() {
            let mut command = Command::new(storescu);
            command.args([
                "-v",
                "-R",
                "-aet",
                calling.unwrap_or("CT1"),
                "-aec",
                "NORMA",
                "127.0.0.1",
            ]);
            command.arg(self.dicom_port.to_string());
            command
        } else {
            let mut command = Command::new(env!("CARGO_BIN_EXE_norma"));
            command.args(["pacs", "send", "--called", "NORMA"]);
            if let Some(calling) = calling {
                command.args(["--calling", calling]);
            }
            command.arg(format!("127.0.0.1:{}", self.dicom_port));
            command
        };
        command.args(files).output().unwrap()
    }
}

/// Stores files by STOW-RS: the status and the answer.
pub(crate) async fn stow(node: &Node, files: &[PathBuf]) -> (u16, Value) {
    let mut body = Vec::new();
    for file in files {
        body.extend_from_slice(b"--limit\r\nContent-Type: application/dicom\r\n\r\n");
        body.extend(std::fs::read(file).unwrap());
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--limit--\r\n");
    let kind = "multipart/related; type=\"application/dicom\"; boundary=limit";
    let answer = node
        .client
        .post(format!("{}/dicom-web/studies", node.url))
        .header("content-type", kind)
        .header("accept", "application/dicom+json")
        .body(body)
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

/// A phantom's files, in the order of their names.
pub(crate) fn study(folder: &Path) -> Vec<PathBuf> {
    study_of(&PhantomOptions::small(), folder)
}

pub(crate) fn study_of(phantom: &PhantomOptions, folder: &Path) -> Vec<PathBuf> {
    write_phantom_series(phantom, folder).unwrap();
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// All that a command said.
pub(crate) fn told(output: &Output) -> String {
    let all = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&all).into_owned()
}

pub(crate) fn assert_sent(output: &Output) {
    assert!(output.status.success(), "{}", told(output));
}

/// Whether these tools of DCMTK are here: in CI they have to be.
pub(crate) fn has_dcmtk(tools: &[&str]) -> bool {
    let are_there = tools.iter().all(|tool| Path::new(tool).exists());
    assert!(
        are_there || std::env::var_os("CI").is_none(),
        "no DCMTK, and in CI no test is skipped"
    );
    are_there
}
