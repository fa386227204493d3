//! The connection to the collector.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The authorities that are believed: those of a file, or the system's.
fn authorities(file: Option<&PathBuf>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            for certificate in
                CertificateDer::pem_file_iter(file).context("failed to read audit.syslog.ca_file")?
            {
                let certificate = certificate.context("audit.syslog.ca_file is no PEM file")?;
                roots
                    .add(certificate)
                    .context("audit.syslog.ca_file holds something that is no certificate")?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    ensure!(!roots.is_empty(), "no authority for audit.syslog is known");
    Ok(roots)
}

/// Connects and checks the collector's certificate.
pub(crate) async fn connect(
    address: &str,
    ca_file: Option<&PathBuf>,
) -> anyhow::Result<TlsStream<TcpStream>> {
    let (host, _) = address
        .rsplit_once(':')
        .context("audit.syslog.address is HOST:PORT")?;
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        .context("audit.syslog.address names no host")?;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .context("failed to set up TLS")?
        .with_root_certificates(authorities(ca_file)?)
        .with_no_client_auth();
    let connecting = async {
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    };
    tokio::time::timeout(CONNECT_TIMEOUT, connecting)
        .await
        .context("the collector does not answer")?
        .context("failed to connect to the collector")
}
