//! The connection to the collector.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use norma_tls::{Authorities, client_config};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// PEM files of the certificate that a collector is shown. They are read at each connection: new ones are taken without a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCertificate {
    /// With those that lead to its authority.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl ShownCertificate {
    /// None where one of the files is not named.
    pub fn of(certificate: Option<&PathBuf>, key: Option<&PathBuf>) -> Option<Self> {
        let (certificate, key) = certificate.zip(key)?;
        Some(Self {
            certificate: certificate.clone(),
            key: key.clone(),
        })
    }

    fn read(&self) -> anyhow::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let chain: Vec<_> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .context("audit.syslog.certificate is no PEM file of certificates")?;
        anyhow::ensure!(!chain.is_empty(), "audit.syslog.certificate holds no certificate");
        let key =
            PrivateKeyDer::from_pem_file(&self.key).context("audit.syslog.key is no PEM file of a key")?;
        Ok((chain, key))
    }
}

/// Connects, checks the collector's certificate, and shows it the own one.
pub(crate) async fn connect(
    address: &str,
    ca_file: Option<&Path>,
    shown: Option<&ShownCertificate>,
) -> anyhow::Result<TlsStream<TcpStream>> {
    let (host, _) = address
        .rsplit_once(':')
        .context("audit.syslog.address is HOST:PORT")?;
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        .context("audit.syslog.address names no host")?;
    let config = config_of(ca_file, shown)?;
    let connecting = async {
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    };
    tokio::time::timeout(CONNECT_TIMEOUT, connecting)
        .await
        .context("the collector does not answer")?
        .context("failed to connect to the collector")
}

fn config_of(ca_file: Option<&Path>, shown: Option<&ShownCertificate>) -> anyhow::Result<ClientConfig> {
    let authorities = Authorities::of(ca_file).context("audit.syslog.ca_file")?;
    let config = client_config(&authorities).context("failed to set up TLS")?;
    let Some(shown) = shown else {
        return Ok(config.with_no_client_auth());
    };
    let (chain, key) = shown.read()?;
    config
        .with_client_auth_cert(chain, key)
        .context("audit.syslog.certificate and audit.syslog.key do not fit each other")
}
