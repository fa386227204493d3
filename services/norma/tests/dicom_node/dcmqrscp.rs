//! An archive that studies are pulled from: DCMTK's dcmqrscp.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use norma_test_support::servers::{GuardedProcess, free_port};
use norma_test_support::{PhantomOptions, PhantomPatient};
use serde_json::Value;
use tempfile::TempDir;

use super::{Node, PATIENCE};

pub(crate) const DCMQRSCP: &str = "/usr/bin/dcmqrscp";
pub(crate) const STORESCU: &str = "/usr/bin/storescu";

/// An archive that knows NORMA at a port.
pub(crate) struct Archive {
    pub(crate) folder: TempDir,
    pub(crate) port: u16,
    pub(crate) process: Option<GuardedProcess>,
}

impl Archive {
    pub(crate) fn new(norma_port: u16) -> Self {
        let folder = TempDir::new().unwrap();
        let (port, store) = (free_port(), folder.path().join("store"));
        fs::create_dir(&store).unwrap();
        let settings = format!(
            "NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n\
             HostTable BEGIN\nnorma = (NORMA, 127.0.0.1, {norma_port})\nHostTable END\n\
             VendorTable BEGIN\nVendorTable END\n\
             AETable BEGIN\nARCHIVE {} RW (200, 1024mb) ANY\nAETable END\n",
            store.display()
        );
        fs::write(folder.path().join("dcmqrscp.cfg"), settings).unwrap();
        Self {
            folder,
            port,
            process: None,
        }
    }

    pub(crate) fn start(&mut self) {
        let mut command = Command::new(DCMQRSCP);
        command
            .arg("-c")
            .arg(self.folder.path().join("dcmqrscp.cfg"))
            .current_dir(self.folder.path());
        let guard = self.folder.path().join("of-guard");
        self.process = Some(GuardedProcess::spawn(command, &guard).unwrap());
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Stores files in it, once it listens.
    pub(crate) fn store(&self, files: &[PathBuf]) {
        let started = Instant::now();
        loop {
            let stored = Command::new(STORESCU)
                .args(["-R", "-aet", "CT1", "-aec", "ARCHIVE", "127.0.0.1"])
                .arg(self.port.to_string())
                .args(files)
                .output()
                .unwrap();
            if stored.status.success() {
                return;
            }
            let told = String::from_utf8_lossy(&stored.stderr).into_owned();
            assert!(started.elapsed() < Duration::from_secs(30), "{told}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The settings of a node that pulls from here.
    pub(crate) fn settings(&self, norma_port: u16, retrieve: &str) -> Vec<(String, String)> {
        [
            ("NORMA__PACS__PORT", norma_port.to_string()),
            ("NORMA__PACS__SOURCES__ARCHIVE__AE_TITLE", "ARCHIVE".to_owned()),
            ("NORMA__PACS__SOURCES__ARCHIVE__HOST", "127.0.0.1".to_owned()),
            ("NORMA__PACS__SOURCES__ARCHIVE__PORT", self.port.to_string()),
            ("NORMA__PACS__SOURCES__ARCHIVE__RETRIEVE", retrieve.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }
}

/// `norma pacs …` beside a node, with its settings.
pub(crate) fn pacs(folder: &Path, settings: &[(String, String)], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_norma"))
        .arg("pacs")
        .args(arguments)
        .current_dir(folder)
        .env("NORMA__PACS__ENABLED", "true")
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

pub(crate) async fn node(folder: &Path, onnxruntime: &Path, settings: &[(String, String)]) -> Node {
    let mut node = Node::start(folder, onnxruntime, settings).await;
    let (_, port) = settings
        .iter()
        .find(|(name, _)| name == "NORMA__PACS__PORT")
        .unwrap();
    node.dicom_port = port.parse().unwrap();
    node
}

pub(crate) async fn ask(node: &Node, wish: &Value) -> Value {
    let request = node
        .client
        .post(format!("{}/api/pacs/pulls", node.url))
        .json(wish);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 202);
    answer.json().await.unwrap()
}

/// The pulls, once what is said of them holds.
pub(crate) async fn pulls(node: &Node, hold: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let started = Instant::now();
    loop {
        let page: Value = node.get("/api/pacs/pulls").await.json().await.unwrap();
        let items = page["items"].as_array().unwrap().clone();
        if hold(&items) {
            return items;
        }
        assert!(started.elapsed() < PATIENCE, "{items:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

pub(crate) fn all_are(items: &[Value], state: &str) -> bool {
    !items.is_empty() && items.iter().all(|pull| pull["state"] == state)
}

pub(crate) fn person(id: &str, seed: u64) -> PhantomOptions {
    PhantomOptions {
        seed,
        patient: PhantomPatient {
            name: "DOE^JANE".to_owned(),
            id: Some(id.to_owned()),
            birth_date: "19600101".to_owned(),
            is_nobody: false,
        },
        ..PhantomOptions::small()
    }
}
