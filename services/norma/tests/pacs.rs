//! `norma pacs`: a node asked, sent to, and being one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use norma_test_support::servers::{GuardedProcess, free_port};
use norma_test_support::{PhantomOptions, write_phantom_series};
use tempfile::TempDir;

fn norma(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_norma"))
        .arg("pacs")
        .args(arguments)
        .output()
        .unwrap()
}

/// `norma pacs receive`, once it answers.
fn receiver(folder: &Path, port: u16) -> GuardedProcess {
    let address = format!("127.0.0.1:{port}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_norma"));
    command.args([
        "pacs",
        "receive",
        "--listen",
        &address,
        "--free-floor",
        "0",
        "--out",
    ]);
    command.arg(folder);
    let server = GuardedProcess::spawn(command, folder).unwrap();
    let started = Instant::now();
    while !norma(&["echo", &address, "--called", "NORMA"]).status.success() {
        assert!(started.elapsed() < Duration::from_secs(60), "it never answers");
        std::thread::sleep(Duration::from_millis(100));
    }
    server
}

fn count(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_study_is_sent_and_received_across_a_kill() {
    let study = tempfile::tempdir().unwrap();
    let options = PhantomOptions {
        size: 64,
        slices: 8,
        ..PhantomOptions::small()
    };
    write_phantom_series(&options, study.path()).unwrap();
    let files = count(study.path());
    let holder = TempDir::new().unwrap();
    let received = holder.path().join("received");
    let (port, path) = (free_port(), study.path().to_str().unwrap());
    let address = format!("127.0.0.1:{port}");
    let mut server = receiver(&received, port);
    let sent = norma(&["send", &address, "--called", "NORMA", path]);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    assert_eq!(count(&received), files);
    // What was answered is there after a kill, and comes again as the same files.
    server.kill();
    drop(server);
    std::fs::create_dir_all(&received).unwrap();
    let _server = receiver(&received, port);
    let sent = norma(&["send", &address, "--called", "NORMA", path]);
    assert!(sent.status.success());
    assert_eq!(count(&received), files);
}

#[test]
fn a_node_that_is_not_there_is_said() {
    let address = format!("127.0.0.1:{}", free_port());
    let asked = norma(&["echo", &address]);
    assert_eq!(asked.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&asked.stderr).contains("failed to connect"));
}
