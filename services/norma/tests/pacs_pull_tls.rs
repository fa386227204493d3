//! `norma serve` pulls over TLS with certificates on both sides: from DCMTK's dcmqrscp, which has none, so that a relay on either side of
//! it does what stunnel does at a site.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "shared with the other tests")]
mod dicom_node;
#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::path::Path;
use std::sync::Arc;

use dicom_node::dcmqrscp::{Archive, DCMQRSCP, STORESCU, all_are, ask, node, pacs, person, pulls};
use dicom_node::{has_dcmtk, study_of, told};
use norma_test_support::servers::free_port;
use norma_test_support::{Authority, SignedCertificate, temporary_folders};
use serde_json::{Value, json};
use studies::onnxruntime;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn roots(authority: &Authority) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(authority.certificate()).unwrap();
    roots.add(certificate).unwrap();
    roots
}

fn shown(by: &SignedCertificate) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::pem_file_iter(&by.certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(&by.key).unwrap();
    (chain.map(Result::unwrap).collect(), key)
}

/// Takes TLS at a port, of those alone who show a certificate of `clients`, and hands what they say on to the archive.
async fn before_archive(
    port: u16,
    own: &SignedCertificate,
    clients: &Authority,
    archive: u16,
) -> JoinHandle<()> {
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(clients)), provider());
    let (chain, key) = shown(own);
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Who is not let in hears it from the handshake.
                let Ok(mut tls) = acceptor.accept(stream).await else {
                    return;
                };
                let mut plain = TcpStream::connect(("127.0.0.1", archive)).await.unwrap();
                let _ = copy_bidirectional(&mut tls, &mut plain).await;
            });
        }
    })
}

/// Takes what the archive sends to NORMA, and hands it on over TLS, showing a certificate.
async fn behind_archive(
    port: u16,
    own: &SignedCertificate,
    believed: &Authority,
    norma: u16,
) -> JoinHandle<()> {
    let (chain, key) = shown(own);
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(believed))
        .with_client_auth_cert(chain, key)
        .unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move {
        loop {
            let (mut plain, _) = listener.accept().await.unwrap();
            let connector = connector.clone();
            tokio::spawn(async move {
                let stream = TcpStream::connect(("127.0.0.1", norma)).await.unwrap();
                let name = ServerName::try_from("127.0.0.1").unwrap();
                let Ok(mut tls) = connector.connect(name, stream).await else {
                    return;
                };
                let _ = copy_bidirectional(&mut plain, &mut tls).await;
            });
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_study_is_found_and_pulled_over_tls_by_move_and_by_get() {
    let (Some(onnxruntime), true) = (onnxruntime(), has_dcmtk(&[DCMQRSCP, STORESCU])) else {
        return;
    };
    let (authority, foreign) = (
        Authority::new("authority").unwrap(),
        Authority::new("foreign").unwrap(),
    );
    let own = authority.sign("node").unwrap();
    let pacs_certificate = authority.sign("pacs").unwrap();
    for retrieve in ["move", "get"] {
        let [folder, files] = temporary_folders().unwrap();
        let files = study_of(&person("P-17", 17), files.path());
        let (norma_port, returning, tls_port) = (free_port(), free_port(), free_port());
        let mut archive = Archive::new(returning);
        archive.start();
        archive.store(&files);
        let _returning = behind_archive(returning, &pacs_certificate, &authority, norma_port).await;
        let text = |path: &Path| path.display().to_string();
        let mut settings = archive.settings(norma_port, retrieve);
        settings.retain(|(name, _)| name != "NORMA__PACS__SOURCES__ARCHIVE__PORT");
        for (name, value) in [
            ("SOURCES__ARCHIVE__PORT", tls_port.to_string()),
            ("SOURCES__ARCHIVE__TLS", "true".to_owned()),
            ("SOURCES__ARCHIVE__TLS_CA", text(authority.certificate())),
            ("TLS__CERTIFICATE", text(&own.certificate)),
            ("TLS__KEY", text(&own.key)),
            ("TLS__CLIENT_CA", text(authority.certificate())),
        ] {
            settings.push((format!("NORMA__PACS__{name}"), value));
        }
        let node = node(folder.path(), &onnxruntime, &settings).await;
        let find = || {
            let arguments = ["find", "--source", "archive", "--patient", "P-17"];
            pacs(folder.path(), &settings, &arguments)
        };

        // One that shows a certificate of somebody else's authority, and one that does not believe this node's.
        for (shown, clients) in [
            (foreign.sign("impostor").unwrap(), &authority),
            (authority.sign("distrustful").unwrap(), &foreign),
        ] {
            let relay = before_archive(tls_port, &shown, clients, archive.port).await;
            let refused = find();
            assert!(!refused.status.success(), "{}", told(&refused));
            let wish = json!({ "source": "archive", "patient_id": "P-17" });
            ask(&node, &wish).await;
            let waiting = pulls(&node, |items| items[0]["reason_code"] == "tls_failed").await;
            assert_eq!(waiting[0]["state"], "asked", "it may be mended");
            relay.abort();
            assert!(relay.await.unwrap_err().is_cancelled());
        }

        let _relay = before_archive(tls_port, &pacs_certificate, &authority, archive.port).await;
        let found = find();
        assert!(found.status.success(), "{}", told(&found));
        assert!(told(&found).contains("1 studies"), "{}", told(&found));
        let done = pulls(&node, |items| all_are(items, "done")).await;
        assert_eq!(done.len(), 1, "asked once");
        assert_eq!(done[0]["studies"][0]["instances"], files.len());
        let scans = node.answered(1).await;
        assert_eq!(scans[0]["slice_count"], files.len());
        let events: Value = node
            .get("/api/audit?action=pacs.pull")
            .await
            .json()
            .await
            .unwrap();
        assert!(!events.to_string().contains("P-17"), "{events}");
    }
}
