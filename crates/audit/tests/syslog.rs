//! Delivery to a collector of the test's own, over TLS.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use norma_audit::{ShownCertificate, SyslogTarget, run_syslog_export};
use norma_database::{Database, NewAuditEvent};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);

struct Collector {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    ca_file: PathBuf,
}

impl Collector {
    async fn start(folder: &TempDir, name: &str) -> Self {
        Self::start_for(folder, name, None).await
    }

    /// One that takes events of who shows a certificate that this one signed.
    async fn start_for(folder: &TempDir, name: &str, senders: Option<&CertificateDer<'static>>) -> Self {
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let ca_file = folder.path().join(name);
        std::fs::write(&ca_file, certified.cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap();
        // Who shows a certificate has to show this one's.
        let config = match senders {
            None => config.with_no_client_auth(),
            Some(senders) => {
                let mut roots = RootCertStore::empty();
                roots.add(senders.clone()).unwrap();
                let provider = Arc::new(aws_lc_rs::default_provider());
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                config.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let config = config
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
            ca_file,
        }
    }

    fn target(&self) -> SyslogTarget {
        let port = self.listener.local_addr().unwrap().port();
        SyslogTarget {
            address: format!("localhost:{port}"),
            ca_file: Some(self.ca_file.clone()),
            shown: None,
        }
    }

    async fn accept(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let (stream, _) = self.listener.accept().await?;
        self.acceptor.accept(stream).await
    }
}

/// One frame: its length in octets, a blank, that many octets.
async fn frame(stream: &mut TlsStream<TcpStream>) -> String {
    let mut length = 0;
    loop {
        match stream.read_u8().await.unwrap() {
            b' ' => break,
            digit => length = length * 10 + usize::from(digit - b'0'),
        }
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await.unwrap();
    String::from_utf8(message).unwrap()
}

async fn database(folder: &TempDir) -> Database {
    Database::open(&format!("sqlite://{}/norma.db", folder.path().display()))
        .await
        .unwrap()
}

async fn append(database: &Database, action: &str) -> String {
    let event = NewAuditEvent::of_system("gateway", action);
    let mut appended = database.append_audit_events(vec![event]).await.unwrap();
    appended.pop().unwrap().hash
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test]
async fn events_arrive_in_order_and_go_on_where_they_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let collector = Collector::start(&folder, "ca.pem").await;
    let first = append(&database, "gateway.start").await;
    let second = append(&database, "patient.read").await;
    let shutdown = CancellationToken::new();
    let export = tokio::spawn(run_syslog_export(
        database.clone(),
        collector.target(),
        shutdown.clone(),
    ));
    tokio::time::timeout(PATIENCE, async {
        let mut stream = collector.accept().await.unwrap();
        let message = frame(&mut stream).await;
        assert!(message.starts_with("<85>1 20"), "{message}");
        assert!(message.contains(" norma "), "{message}");
        assert!(
            message.contains(" DICOM+RFC3881 - \u{feff}<AuditMessage>"),
            "{message}"
        );
        assert!(message.contains(&base64(&first)), "{message}");
        assert!(frame(&mut stream).await.contains(&base64(&second)));
        while database.audit_export_position("syslog").await.unwrap() != 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }

        // The collector goes away and comes back: what is new is sent, what was sent is not.
        drop(stream);
        let third = append(&database, "patient.update").await;
        let mut stream = collector.accept().await.unwrap();
        let message = frame(&mut stream).await;
        assert!(message.contains(&base64(&third)), "{message}");
        while database.audit_export_position("syslog").await.unwrap() != 3 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    shutdown.cancel();
    export.await.unwrap();
}

#[tokio::test]
async fn a_collector_that_nobody_vouches_for_gets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    append(&database, "gateway.start").await;
    let collector = Collector::start(&folder, "ca.pem").await;
    let stranger = Collector::start(&folder, "stranger.pem").await;
    let shutdown = CancellationToken::new();
    let target = SyslogTarget {
        ca_file: Some(stranger.ca_file.clone()),
        ..collector.target()
    };
    let export = tokio::spawn(run_syslog_export(database.clone(), target, shutdown.clone()));
    let refused = tokio::time::timeout(PATIENCE, collector.accept()).await.unwrap();
    assert!(refused.is_err(), "the handshake ends with an alert");
    assert_eq!(database.audit_export_position("syslog").await.unwrap(), 0);
    shutdown.cancel();
    export.await.unwrap();
}

/// A certificate of a sender, in files; and what a collector believes it by.
fn sender_certificate(folder: &TempDir, name: &str) -> (ShownCertificate, CertificateDer<'static>) {
    let certified = rcgen::generate_simple_self_signed(vec!["norma".to_owned()]).unwrap();
    let shown = ShownCertificate {
        certificate: folder.path().join(format!("{name}.pem")),
        key: folder.path().join(format!("{name}.key")),
    };
    std::fs::write(&shown.certificate, certified.cert.pem()).unwrap();
    std::fs::write(&shown.key, certified.signing_key.serialize_pem()).unwrap();
    (shown, certified.cert.der().clone())
}

#[tokio::test]
async fn a_collector_takes_events_of_who_shows_the_right_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let hash = append(&database, "gateway.start").await;
    let (own, believed) = sender_certificate(&folder, "own");
    let (other, _) = sender_certificate(&folder, "other");
    let collector = Collector::start_for(&folder, "ca.pem", Some(&believed)).await;
    for shown in [None, Some(other)] {
        let shutdown = CancellationToken::new();
        let target = SyslogTarget {
            shown,
            ..collector.target()
        };
        let export = tokio::spawn(run_syslog_export(database.clone(), target, shutdown.clone()));
        let refused = tokio::time::timeout(PATIENCE, collector.accept()).await.unwrap();
        assert!(refused.is_err(), "nobody, or somebody else");
        // In TLS 1.3 a client learns of that after it has begun: what it sent is not counted as sent.
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert_eq!(database.audit_export_position("syslog").await.unwrap(), 0);
        shutdown.cancel();
        export.await.unwrap();
    }

    let shutdown = CancellationToken::new();
    let target = SyslogTarget {
        shown: Some(own.clone()),
        ..collector.target()
    };
    // Files that are not there yet are waited for.
    let waiting = folder.path().join("away");
    std::fs::rename(&own.key, &waiting).unwrap();
    let export = tokio::spawn(run_syslog_export(database.clone(), target, shutdown.clone()));
    tokio::time::sleep(Duration::from_millis(300)).await;
    std::fs::rename(&waiting, &own.key).unwrap();
    tokio::time::timeout(PATIENCE, async {
        let mut stream = collector.accept().await.unwrap();
        let shown = stream.get_ref().1.peer_certificates().unwrap();
        assert_eq!(shown, std::slice::from_ref(&believed));
        assert!(frame(&mut stream).await.contains(&base64(&hash)));
        while database.audit_export_position("syslog").await.unwrap() != 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    shutdown.cancel();
    export.await.unwrap();
}
