//! Against DCMTK's tools, where they are installed.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use norma_dicom_network::{Scu, ScuOptions};
use norma_test_support::servers::{GuardedProcess, free_port};

use crate::site::{Node, data_set, files_in, instances, study};

/// Whether a tool is here. Where it is not, the test passes, except in CI.
fn is_installed(tool: &str) -> bool {
    let is_here = Path::new(tool).exists();
    assert!(
        is_here || std::env::var_os("CI").is_none(),
        "{tool} is not installed, and in CI no test is skipped"
    );
    is_here
}

/// Runs a tool to its end; what it said where it fails.
async fn run(tool: &'static str, arguments: Vec<String>) -> Result<(), String> {
    tokio::task::spawn_blocking(move || {
        let output = Command::new(tool)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    })
    .await
    .unwrap()
}

fn call(node: &Node, called: &str) -> Vec<String> {
    let port = node.address.port().to_string();
    ["-v", "-aet", "DCMTK", "-aec", called, "127.0.0.1", &port]
        .map(str::to_owned)
        .to_vec()
}

#[tokio::test]
async fn echoscu_and_storescu_are_served() {
    if !is_installed("/usr/bin/echoscu") || !is_installed("/usr/bin/storescu") {
        return;
    }
    let node = Node::start(|_| {}).await;
    run("/usr/bin/echoscu", call(&node, "NORMA")).await.unwrap();
    let told = run("/usr/bin/echoscu", call(&node, "OTHER")).await.unwrap_err();
    assert!(told.contains("Called AE Title Not Recognized"), "{told}");
    let study = study();
    let mut arguments = call(&node, "NORMA");
    arguments.extend([
        "+sd".to_owned(),
        "-R".to_owned(),
        study.path().display().to_string(),
    ]);
    run("/usr/bin/storescu", arguments).await.unwrap();
    let sent = instances(study.path());
    assert_eq!(node.accepted.load(Ordering::SeqCst), sent.len());
    for (file, instance) in files_in(study.path()).iter().zip(&sent) {
        let kept = node
            .folder
            .path()
            .join(format!("{}.dcm", instance.sop_instance_uid));
        assert_eq!(data_set(file), data_set(&kept));
    }
    node.stop().await;
}

#[tokio::test]
async fn storescp_takes_what_is_sent() {
    if !is_installed("/usr/bin/storescp") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut command = Command::new("/usr/bin/storescp");
    command
        .args(["-aet", "PACS", "-od"])
        .arg(folder.path())
        .arg(port.to_string());
    let _server = GuardedProcess::spawn(command, folder.path()).unwrap();
    let options = ScuOptions {
        tls: None,
        address: format!("{}:{port}", Ipv4Addr::LOCALHOST),
        called: "PACS".parse().unwrap(),
        calling: "NORMA".parse().unwrap(),
        max_pdu_length: 16384,
        connect_timeout: Duration::from_secs(5),
        answer_timeout: Duration::from_secs(20),
    };
    let study = study();
    let instances = instances(study.path());
    let mut scu = None;
    for _ in 0..100 {
        scu = Scu::for_storage(&options, &instances).await.ok();
        if scu.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut scu = scu.expect("storescp listens within seconds");
    for instance in &instances {
        scu.store(instance).await.unwrap();
    }
    scu.release().await.unwrap();
    assert_eq!(files_in(folder.path()).len(), instances.len());
}
