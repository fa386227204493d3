//! The connection to the collector.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use norma_tls::{Authorities, client_config};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects and checks the collector's certificate.
pub(crate) async fn connect(address: &str, ca_file: Option<&Path>) -> anyhow::Result<TlsStream<TcpStream>> {
    let (host, _) = address
        .rsplit_once(':')
        .context("audit.syslog.address is HOST:PORT")?;
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        .context("audit.syslog.address names no host")?;
    let authorities = Authorities::of(ca_file).context("audit.syslog.ca_file")?;
    let config = client_config(&authorities)
        .context("failed to set up TLS")?
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
