//! Associations over TLS 1.2 and 1.3 (PS3.15 annex B.12, BCP 195).

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use norma_tls::{Authorities, AuthoritiesError, client_config, crypto};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::server::{ResolvesServerCert, VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{self, ClientConfig, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// Why TLS cannot be used as it is wanted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error(transparent)]
    Authorities(#[from] AuthoritiesError),
    #[error("{0} is neither a name nor an address that a certificate can hold")]
    Name(String),
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
    #[error("peers cannot be asked for certificates of these authorities")]
    Peers(#[from] VerifierBuilderError),
}

/// SHA-256 of a certificate (DER): it names one certificate and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// A text that is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 64 hexadecimal digits, with or without colons: SHA-256 of the certificate")]
pub struct InvalidFingerprint;

impl Fingerprint {
    fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let digits = text.trim().replace(':', "");
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| InvalidFingerprint)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

/// How a provider speaks TLS.
#[derive(Debug, Clone)]
pub struct ServerTls(Arc<ServerConfig>);

impl ServerTls {
    /// `peers`: who has to have signed the certificate that each peer shows then; without, none is asked for.
    ///
    /// # Errors
    /// Where the authorities do not do.
    pub fn new(
        certificate: Arc<dyn ResolvesServerCert>,
        peers: Option<Authorities>,
    ) -> Result<Self, TlsError> {
        let provider = crypto();
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let builder = match peers {
            Some(peers) => {
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(peers.roots(), provider).build()?;
                builder.with_client_cert_verifier(verifier)
            }
            None => builder.with_no_client_auth(),
        };
        Ok(Self(Arc::new(builder.with_cert_resolver(certificate))))
    }

    /// The stream, and which certificate the peer showed.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<(server::TlsStream<TcpStream>, Option<Fingerprint>)> {
        let stream = TlsAcceptor::from(Arc::clone(&self.0)).accept(stream).await?;
        let shown = stream.get_ref().1.peer_certificates();
        let certificate = shown.and_then(<[_]>::first).map(Fingerprint::of);
        Ok((stream, certificate))
    }
}

/// How a user speaks TLS.
#[derive(Debug, Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl ClientTls {
    /// `name`: a name or an address that the peer's certificate has to be for. `certificate`: what is shown to a peer that asks.
    ///
    /// # Errors
    /// Where the name is none.
    pub fn new(
        authorities: &Authorities,
        name: &str,
        certificate: Option<Arc<dyn ResolvesClientCert>>,
    ) -> Result<Self, TlsError> {
        let builder = client_config(authorities)?;
        let config = match certificate {
            Some(certificate) => builder.with_client_cert_resolver(certificate),
            None => builder.with_no_client_auth(),
        };
        let server_name =
            ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name(name.to_owned()))?;
        Ok(Self {
            config: Arc::new(config),
            name: server_name,
        })
    }

    /// The stream over TLS, once the peer has shown its certificate.
    pub(crate) async fn connect(&self, stream: TcpStream) -> io::Result<client::TlsStream<TcpStream>> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        connector.connect(self.name.clone(), stream).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_written_with_or_without_colons() {
        let plain = "0123456789abcdef".repeat(4);
        let pairs: Vec<String> = plain
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair).to_uppercase())
            .collect();
        let fingerprint: Fingerprint = plain.parse().unwrap();
        assert_eq!(pairs.join(":").parse(), Ok(fingerprint));
        assert_eq!(fingerprint.to_string(), plain);
        assert_eq!(plain[1..].parse::<Fingerprint>(), Err(InvalidFingerprint));
    }
}
