//! TLS: who may come in and whom results are sent to, with DCMTK and an HL7 receiver, and a certificate that is replaced.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "shared with the other tests")]
mod dicom_node;
mod mllp_receiver;
#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dicom_node::{Node, PATIENCE, assert_sent, entries, has_dcmtk, study};
use mllp_receiver::{acknowledge, read_message};
use norma_test_support::servers::{GuardedProcess, free_port};
use norma_test_support::{Authority, SignedCertificate, temporary_folders};
use studies::onnxruntime;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

const ECHOSCU: &str = "/usr/bin/echoscu";
const STORESCU: &str = "/usr/bin/storescu";
const STORESCP: &str = "/usr/bin/storescp";
const DCMTK: [&str; 3] = [ECHOSCU, STORESCU, STORESCP];

/// As OpenSSL prints it.
fn fingerprint(of: &SignedCertificate) -> String {
    let mut command = Command::new("openssl");
    command
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(&of.certificate);
    let output = command.output().unwrap();
    assert_sent(&output);
    let line = String::from_utf8(output.stdout).unwrap();
    line.trim().rsplit_once('=').unwrap().1.to_owned()
}

/// One that is believed, and one that is not.
fn authorities() -> (Authority, Authority) {
    (
        Authority::new("authority").unwrap(),
        Authority::new("foreign").unwrap(),
    )
}

/// DCMTK's tool to a node, with what it shows and whom it believes.
fn dcmtk(
    tool: &str,
    node: &Node,
    shown: Option<&SignedCertificate>,
    believed: &Path,
    files: &[PathBuf],
) -> Output {
    let mut command = Command::new(tool);
    match shown {
        Some(shown) => command.arg("+tls").arg(&shown.key).arg(&shown.certificate),
        None => command.arg("+tla"),
    };
    command
        .arg("+cf")
        .arg(believed)
        .args(["-aet", "CT1", "-aec", "NORMA"]);
    if tool == STORESCU {
        command.arg("-R");
    }
    command
        .arg("127.0.0.1")
        .arg(node.dicom_port.to_string())
        .args(files);
    command.output().unwrap()
}

fn tls_settings(own: &SignedCertificate, authority: &Authority) -> Vec<(String, String)> {
    let text = |path: &Path| path.display().to_string();
    [
        ("CERTIFICATE", text(&own.certificate)),
        ("KEY", text(&own.key)),
        ("RELOAD_SECONDS", "1".to_owned()),
        ("CLIENT_CA", text(authority.certificate())),
    ]
    .map(|(name, value)| (format!("NORMA__PACS__TLS__{name}"), value))
    .into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_shows_the_right_certificate_comes_in() {
    let Some(onnxruntime) = onnxruntime() else { return };
    if !has_dcmtk(&DCMTK) {
        return;
    }
    let [folder, files] = temporary_folders().unwrap();
    let files = study(files.path());
    let (authority, foreign) = authorities();
    let own = authority.sign("node").unwrap();
    let (scanner, other) = (
        authority.sign("scanner").unwrap(),
        authority.sign("other").unwrap(),
    );
    let stranger = foreign.sign("stranger").unwrap();
    let mut settings = tls_settings(&own, &authority);
    settings.push((
        "NORMA__PACS__PEERS".to_owned(),
        format!("CT1@127.0.0.1#{}", fingerprint(&scanner)),
    ));
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    let believed = authority.certificate();

    assert_sent(&dcmtk(ECHOSCU, &node, Some(&scanner), believed, &[]));
    let refused = |shown: Option<&SignedCertificate>, why: &str| {
        assert!(
            !dcmtk(ECHOSCU, &node, shown, believed, &[]).status.success(),
            "{why}"
        );
    };
    refused(None, "it shows no certificate");
    refused(Some(&stranger), "nobody here believes its authority");
    refused(Some(&other), "it is another than the one that is named");
    assert!(
        !node.send(&files[..1]).status.success(),
        "plain text is not answered"
    );
    assert!(
        !dcmtk(ECHOSCU, &node, Some(&scanner), foreign.certificate(), &[])
            .status
            .success(),
        "DCMTK does not believe the node"
    );

    assert_sent(&dcmtk(STORESCU, &node, Some(&scanner), believed, &files));
    let scans = node.answered(1).await;
    assert_eq!(scans[0]["slice_count"], files.len());

    // A certificate of another authority takes the place of the first, without a restart.
    let renewed = foreign.sign("renewed").unwrap();
    std::fs::copy(&renewed.key, &own.key).unwrap();
    std::fs::copy(&renewed.certificate, &own.certificate).unwrap();
    let started = Instant::now();
    while !dcmtk(ECHOSCU, &node, Some(&scanner), foreign.certificate(), &[])
        .status
        .success()
    {
        assert!(started.elapsed() < PATIENCE, "the new certificate is not taken");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }

    // Norma's own user, with the same rules.
    let echo = |shown: &SignedCertificate, believed: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_norma"));
        command.args([
            "pacs",
            "echo",
            "--called",
            "NORMA",
            "--calling",
            "CT1",
            "--tls",
            "--tls-ca",
        ]);
        command.arg(believed);
        command.arg("--tls-certificate").arg(&shown.certificate);
        command.arg("--tls-key").arg(&shown.key);
        command.arg(format!("127.0.0.1:{}", node.dicom_port));
        command.output().unwrap()
    };
    assert_sent(&echo(&scanner, foreign.certificate()));
    assert!(!echo(&scanner, believed).status.success());
    assert!(!echo(&other, foreign.certificate()).status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_go_to_who_shows_the_right_certificate() {
    let Some(onnxruntime) = onnxruntime() else { return };
    if !has_dcmtk(&DCMTK) {
        return;
    }
    let [folder, files, archive, guards] = temporary_folders().unwrap();
    let files = study(files.path());
    let (authority, foreign) = authorities();
    let own = authority.sign("node").unwrap();
    let mut settings = tls_settings(&own, &authority);
    let port = free_port();
    for (name, value) in [
        ("AE_TITLE", "ARCHIVE".to_owned()),
        ("HOST", "127.0.0.1".to_owned()),
        ("PORT", port.to_string()),
        ("TLS", "true".to_owned()),
        ("TLS_CA", authority.certificate().display().to_string()),
    ] {
        settings.push((format!("NORMA__PACS__DESTINATIONS__ARCHIVE__{name}"), value));
    }
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    let scanner = authority.sign("scanner").unwrap();
    assert_sent(&dcmtk(
        STORESCU,
        &node,
        Some(&scanner),
        authority.certificate(),
        &files,
    ));

    let listen = |shown: &SignedCertificate, guard: &str| {
        let mut command = Command::new(STORESCP);
        command.arg("+tls").arg(&shown.key).arg(&shown.certificate);
        // Who calls has to show a certificate of the authority.
        command.arg("+cf").arg(authority.certificate()).arg("-rc");
        command
            .args(["-aet", "ARCHIVE", "-od"])
            .arg(archive.path())
            .arg(port.to_string());
        GuardedProcess::spawn(command, &guards.path().join(guard)).unwrap()
    };
    let stranger = foreign.sign("stranger").unwrap();
    let impostor = listen(&stranger, "of-impostor");
    let untrusted = node
        .delivery(|delivery| delivery["reason_code"] == "tls_failed")
        .await;
    assert_eq!(untrusted["state"], "queued", "{untrusted}");
    assert!(entries(archive.path()).is_empty(), "nothing left");
    drop(impostor);
    let archive_key = authority.sign("archive").unwrap();
    let _pacs = listen(&archive_key, "of-archive");
    node.delivery(|delivery| delivery["state"] == "delivered").await;
    assert!(entries(archive.path()).len() > 1, "a report and pictures");
}

/// Reads HL7 over TLS as `shown` at `port`, from those who show a certificate of `authority`; keeps what came.
async fn read_hl7(
    port: u16,
    shown: &SignedCertificate,
    authority: &Authority,
    received: &Arc<Mutex<Vec<String>>>,
) -> JoinHandle<()> {
    let mut believed = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(authority.certificate()).unwrap();
    believed.add(certificate).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(believed), Arc::clone(&provider));
    let verifier = verifier.build().unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![CertificateDer::from_pem_file(&shown.certificate).unwrap()],
            PrivateKeyDer::from_pem_file(&shown.key).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let received = Arc::clone(received);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            if let Some(message) = read_message(&mut stream).await {
                acknowledge(&mut stream, &message, "AA").await;
                received.lock().unwrap().push(message);
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_go_to_who_shows_the_right_certificate() {
    let Some(onnxruntime) = onnxruntime() else { return };
    if !has_dcmtk(&DCMTK) {
        return;
    }
    let [folder, files] = temporary_folders().unwrap();
    let files = study(files.path());
    let (authority, foreign) = authorities();
    let mut settings = tls_settings(&authority.sign("node").unwrap(), &authority);
    let port = free_port();
    for (name, value) in [
        ("KIND", "hl7".to_owned()),
        ("HOST", "127.0.0.1".to_owned()),
        ("PORT", port.to_string()),
        ("TLS", "true".to_owned()),
        ("TLS_CA", authority.certificate().display().to_string()),
    ] {
        settings.push((format!("NORMA__PACS__DESTINATIONS__RIS__{name}"), value));
    }
    let received = Arc::default();
    let impostor = read_hl7(port, &foreign.sign("impostor").unwrap(), &authority, &received).await;
    let node = Node::start(folder.path(), &onnxruntime, &settings).await;
    let scanner = authority.sign("scanner").unwrap();
    assert_sent(&dcmtk(
        STORESCU,
        &node,
        Some(&scanner),
        authority.certificate(),
        &files,
    ));
    let untrusted = |attempts: u64| {
        node.delivery(move |delivery| {
            delivery["reason_code"] == "tls_failed"
                && delivery["state"] == "queued"
                && delivery["attempts"].as_u64() >= Some(attempts)
        })
    };
    let of_impostor = untrusted(1).await;

    // The right one, which does not believe this node: it says so when the handshake is over here.
    let ris = authority.sign("ris").unwrap();
    stop(impostor).await;
    let distrustful = read_hl7(port, &ris, &foreign, &received).await;
    let tried = of_impostor["attempts"].as_u64().unwrap();
    untrusted(tried + 2).await;
    assert!(received.lock().unwrap().is_empty(), "nobody read anything");

    stop(distrustful).await;
    let _ris = read_hl7(port, &ris, &authority, &received).await;
    node.delivery(|delivery| delivery["state"] == "delivered").await;
    let received = received.lock().unwrap().clone();
    assert_eq!(received.len(), 1);
    assert!(received[0].starts_with("\x0bMSH|^~\\&|"), "{}", received[0]);
    assert!(received[0].contains("|ORU^R01^ORU_R01|"), "{}", received[0]);
}

/// Frees its port.
async fn stop(listening: JoinHandle<()>) {
    listening.abort();
    assert!(listening.await.unwrap_err().is_cancelled());
}

#[test]
fn a_folder_receives_over_tls_from_those_who_show_a_certificate() {
    let [files, out] = temporary_folders().unwrap();
    let files = study(files.path());
    let (authority, foreign) = authorities();
    let own = authority.sign("folder").unwrap();
    let (scanner, stranger) = (
        authority.sign("scanner").unwrap(),
        foreign.sign("stranger").unwrap(),
    );
    let address = format!("127.0.0.1:{}", free_port());
    let received = out.path().join("received");
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
    command.arg(&received);
    command.arg("--tls-certificate").arg(&own.certificate);
    command.arg("--tls-key").arg(&own.key);
    command.arg("--tls-client-ca").arg(authority.certificate());
    let _receiver = GuardedProcess::spawn(command, &out.path().join("of-guard")).unwrap();

    let norma = |what: &str, shown: Option<&SignedCertificate>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_norma"));
        command.args(["pacs", what, &address, "--called", "NORMA"]);
        if let Some(shown) = shown {
            command.arg("--tls").arg("--tls-ca").arg(authority.certificate());
            command.arg("--tls-certificate").arg(&shown.certificate);
            command.arg("--tls-key").arg(&shown.key);
        }
        command
    };
    let started = Instant::now();
    while !norma("echo", Some(&scanner)).output().unwrap().status.success() {
        assert!(started.elapsed() < PATIENCE, "it never answers");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(
        !norma("echo", None).output().unwrap().status.success(),
        "plain text"
    );
    assert!(!norma("echo", Some(&stranger)).output().unwrap().status.success());
    assert_sent(&norma("send", Some(&scanner)).args(&files[..3]).output().unwrap());
    assert_eq!(entries(&received).len(), 3);
}
