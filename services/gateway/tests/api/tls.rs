//! TLS, and a certificate that is replaced while the gateway runs.

use std::path::Path;
use std::time::Duration;

use norma_gateway::TlsFiles;
use rcgen::CertifiedKey;
use reqwest::StatusCode;

use crate::app::{App, spawn_app_with};

/// Writes a new self-signed certificate; gives what a client trusts.
fn write_certificate(folder: &Path) -> reqwest::Certificate {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("certificate.pem"), cert.pem()).unwrap();
    reqwest::Certificate::from_pem(cert.pem().as_bytes()).unwrap()
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
