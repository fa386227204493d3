//! Studies without what identifies their patients: by the command, and by an upload that asks for it. What is stored and
//! downloaded holds no trace of the patient, and is read as the identified study is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::io::{Cursor, Read};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use norma_test_support::servers::{GuardedProcess, free_port};
use norma_test_support::{PhantomOptions, phantom_zip};
use reqwest::StatusCode;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use studies::{onnxruntime, test_bundle};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(240);
/// What the phantom's patient and study are called (PHANTOM^NORMA, PHANTOM-1, PHANTOM CHEST).
const NAME: &[u8] = b"PHANTOM";

/// A phantom study in an archive whose members are named after the patient.
fn identified(folder: &Path) -> Vec<u8> {
    let file = folder.join("identified.zip");
    phantom_zip(&PhantomOptions::small(), &file).unwrap();
    std::fs::read(file).unwrap()
}

/// Names and contents of an archive's members.
fn members(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut member = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).unwrap();
            (member.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

fn names_the_patient(bytes: &[u8]) -> bool {
    bytes.windows(NAME.len()).any(|window| window == NAME)
}

fn assert_deidentified(archive: &[u8], slices: usize) {
    assert!(!names_the_patient(archive), "the archive's own bytes");
    let members = members(archive);
    assert_eq!(members.len(), slices);
    for (name, bytes) in members {
        assert!(!name.contains("PHANTOM"), "{name}");
        assert!(!names_the_patient(&bytes), "{name}");
        let object = dicom_object::from_reader(Cursor::new(bytes)).unwrap();
        let removed = object.element_by_name("PatientIdentityRemoved").unwrap();
        assert_eq!(removed.to_str().unwrap().trim_end(), "YES");
        object
            .element_by_name("DeidentificationMethodCodeSequence")
            .expect("the options that were used are recorded");
    }
}

#[test]
fn the_command_writes_a_study_without_its_patient() {
    let folder = tempfile::tempdir().unwrap();
    let slices = members(&identified(folder.path())).len();
    let out = folder.path().join("out.zip");
    let deidentify = || {
        Command::new(env!("CARGO_BIN_EXE_norma"))
            .args(["deidentify", "identified.zip", "--out", "out.zip"])
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    let done = deidentify();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(!names_the_patient(&[done.stdout, done.stderr].concat()));
    let written = std::fs::read(&out).unwrap();
    assert_deidentified(&written, slices);

    // What stands there is not written over, nor removed.
    assert!(!deidentify().status.success());
    assert_eq!(std::fs::read(&out).unwrap(), written);
}

struct Gateway {
    process: GuardedProcess,
    url: String,
    client: reqwest::Client,
    folder: TempDir,
}

impl Gateway {
    async fn start(onnxruntime: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_norma"));
        command
            .args(["serve", "--listen", &address, "--data", "data"])
            .current_dir(folder.path())
            .env("NORMA__IDENTITY__AUTHENTICATION", "off")
            .env("NORMA__GATEWAY__SPOOL_FOLDER", folder.path().join("data/spool"))
            .env("NORMA__MODELS__BUNDLE", test_bundle())
            .env("NORMA__MODELS__ONNXRUNTIME", onnxruntime)
            .env("NORMA__MODELS__CUDA", "off");
        let mut gateway = Self {
            process: GuardedProcess::spawn(command, &folder.path().join("of-guard")).unwrap(),
            url: format!("http://{address}"),
            client: reqwest::Client::new(),
            folder,
        };
        let started = Instant::now();
        while !gateway.is_ready().await {
            assert!(gateway.process.is_running(), "norma serve ended at its start");
            assert!(started.elapsed() < PATIENCE, "norma serve is never ready");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        gateway
    }

    async fn is_ready(&self) -> bool {
        let answer = self.client.get(format!("{}/readyz", self.url)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// The scan made of an upload.
    async fn upload(&self, study: &[u8], deidentify: bool) -> Value {
        let form = Form::new()
            .text("deidentify", deidentify.to_string())
            .part("file", Part::bytes(study.to_vec()).file_name("PHANTOM.zip"));
        let request = self
            .client
            .post(format!("{}/api/scans", self.url))
            .multipart(form);
        let answer = request.send().await.unwrap();
        assert_eq!(
            answer.status(),
            StatusCode::CREATED,
            "{}",
            answer.text().await.unwrap()
        );
        answer.json().await.unwrap()
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.client
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap()
    }

    /// The stages' scores of a scan's report.
    async fn scores(&self, scan: &str) -> Vec<Value> {
        let analyze = self
            .client
            .post(format!("{}/api/scans/{scan}/analyze", self.url))
            .header("prefer", "wait=120");
        assert!(analyze.send().await.unwrap().status().is_success());
        let answer = self.get(&format!("/api/scans/{scan}/report")).await;
        assert_eq!(
            answer.status(),
            StatusCode::OK,
            "{}",
            answer.text().await.unwrap()
        );
        let report: Value = answer.json().await.unwrap();
        let stages = report["stages"].as_array().unwrap();
        stages.iter().map(|stage| stage["score"].clone()).collect()
    }

    /// How many stored files name the patient: an archive's list of members does.
    fn originals_that_name_the_patient(&self) -> usize {
        let mut open = vec![self.folder.path().join("data/objects")];
        let mut found = 0;
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    found += usize::from(names_the_patient(&std::fs::read(path).unwrap()));
                }
            }
        }
        found
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_asks_for_it_is_stored_without_its_patient() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let gateway = Gateway::start(&onnxruntime).await;
    let folder = tempfile::tempdir().unwrap();
    let study = identified(folder.path());
    let slices = members(&study).len();

    let uploaded = gateway.upload(&study, true).await;
    let done = &uploaded["deidentified"];
    assert_eq!(
        (&done["studies"], &done["kept"]),
        (&1.into(), &slices.into()),
        "{done}"
    );
    assert_eq!(done["pixels_checked"], false, "nobody said so");
    assert_eq!(done["left_out"]["burned_in"], 0);
    let scan = uploaded["id"].as_str().unwrap();
    assert_eq!(gateway.originals_that_name_the_patient(), 0);
    let file = gateway.get(&format!("/api/scans/{scan}/file")).await;
    assert_eq!(file.status(), StatusCode::OK);
    assert_deidentified(&file.bytes().await.unwrap(), slices);
    let described = gateway
        .get(&format!("/api/scans/{scan}"))
        .await
        .text()
        .await
        .unwrap();
    assert!(!names_the_patient(described.as_bytes()), "{described}");

    let as_it_is = gateway.upload(&study, false).await;
    assert_eq!(as_it_is["deidentified"], Value::Null);
    let as_it_is = as_it_is["id"].as_str().unwrap();
    assert!(
        gateway.originals_that_name_the_patient() > 0,
        "the search finds what is there"
    );
    let scores = gateway.scores(scan).await;
    assert_eq!(scores.len(), 3);
    assert_eq!(scores, gateway.scores(as_it_is).await);
}
