//! TLS, and a certificate that is replaced while the gateway runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use norma_gateway::TlsFiles;
use rcgen::CertifiedKey;
use reqwest::StatusCode;
use rustls::pki_types::pem::PemObject as _;

use crate::app::{App, spawn_app_with};

/// Writes a new self-signed certificate; gives what a client trusts.
fn write_certificate(folder: &Path) -> reqwest::Certificate {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("certificate.pem"), cert.pem()).unwrap();
    reqwest::Certificate::from_pem(cert.pem().as_bytes()).unwrap()
}

/// A request of a browser, which speaks HTTP/2 over TLS and says the host in no header.
async fn over_http2(app: &App, certificate: &Path, origin: &str) -> StatusCode {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(rustls::pki_types::CertificateDer::from_pem_file(certificate).unwrap())
        .unwrap();
    let mut config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let host = app.base.trim_start_matches("http://");
    let stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::post(format!("https://{host}/api/session"))
        .header("origin", origin)
        .header("content-type", "application/json")
        .body(())
        .unwrap();
    let (answer, mut body) = client.send_request(request, false).unwrap();
    body.send_data(r#"{"login": "nobody", "password": "none"}"#.into(), true)
        .unwrap();
    answer.await.unwrap().status()
}

#[tokio::test]
async fn the_page_changes_things_over_http2_and_other_sites_do_not() {
    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path());
    let certificate = folder.path().join("certificate.pem");
    let files = TlsFiles {
        certificate: certificate.clone(),
        key: folder.path().join("key.pem"),
        reload_interval: Duration::from_secs(60),
    };
    let app = spawn_app_with(|options| options.tls = Some(files)).await;
    let own = app.base.replace("http://", "https://");
    assert_eq!(
        over_http2(&app, &certificate, &own).await,
        StatusCode::UNAUTHORIZED
    );
    for elsewhere in ["https://evil.example", "https://127.0.0.1:1", "null"] {
        assert_eq!(
            over_http2(&app, &certificate, elsewhere).await,
            StatusCode::FORBIDDEN
        );
    }
}

async fn ask(app: &App, trusted: &reqwest::Certificate) -> Result<reqwest::Response, reqwest::Error> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([trusted.clone()])
        .build()
        .unwrap();
    let base = app.base.replace("http://", "https://");
    client.get(format!("{base}/healthz")).send().await
}

#[tokio::test]
async fn a_certificate_is_taken_anew_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = write_certificate(folder.path());
    let files = TlsFiles {
        certificate: folder.path().join("certificate.pem"),
        key: folder.path().join("key.pem"),
        reload_interval: Duration::from_millis(50),
    };
    let app = spawn_app_with(|options| options.tls = Some(files)).await;
    let answer = ask(&app, &first).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers().contains_key("strict-transport-security"));
    assert!(
        app.client
            .get(format!("{}/healthz", app.base))
            .send()
            .await
            .is_err(),
        "plain text is not answered"
    );

    // One that cannot be used leaves the old one in place.
    std::fs::write(folder.path().join("certificate.pem"), "no certificate").unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(ask(&app, &first).await.is_ok());

    let second = write_certificate(folder.path());
    let mut is_taken = false;
    for _ in 0..100 {
        is_taken = ask(&app, &second).await.is_ok();
        if is_taken {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(is_taken, "the new certificate is not given");
    assert!(
        ask(&app, &first).await.is_err(),
        "the old certificate is given still"
    );
}
