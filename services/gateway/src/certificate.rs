//! A certificate that is shown by TLS, as server and as client, and taken anew when its files change or on SIGHUP, without a
//! connection being lost.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use norma_service::Settings;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SignatureScheme};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::options::TlsFiles;

/// The certificate that new connections show.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// # Errors
    /// Where a file cannot be read, or key and certificate do not belong together.
    pub(crate) fn load(files: TlsFiles) -> anyhow::Result<Arc<Self>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let current = read(&files, &provider)?;
        Ok(Arc::new(Self {
            files,
            provider,
            current: RwLock::new(Arc::new(current)),
        }))
    }

    /// The one that the DICOM node shows, to whom calls it and to whom it calls. None where the settings name none.
    ///
    /// # Errors
    /// As [`Certificate::load`].
    pub(crate) fn of_node(settings: &Settings) -> anyhow::Result<Option<Arc<Self>>> {
        let tls = &settings.pacs.tls;
        TlsFiles::of(tls.certificate.as_ref(), tls.key.as_ref(), tls.reload_seconds)
            .map(Self::load)
            .transpose()
            .context("pacs.tls")
    }

    /// TLS 1.2 and 1.3 with this certificate.
    pub(crate) fn server_config(self: &Arc<Self>) -> anyhow::Result<ServerConfig> {
        Ok(ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .context("the TLS versions and cipher suites do not fit")?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>))
    }

    /// Takes the certificate anew when a file has changed or on SIGHUP. One that cannot be used is told in the log,
    /// and the old one stays.
    pub(crate) async fn keep_current(self: Arc<Self>, stopping: CancellationToken) -> anyhow::Result<()> {
        let mut hangup = signal(SignalKind::hangup()).context("failed to listen for SIGHUP")?;
        let mut known = self.changed_at();
        loop {
            let is_told = tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                _ = hangup.recv() => true,
                () = tokio::time::sleep(self.files.reload_interval) => false,
            };
            let changed_at = self.changed_at();
            if !is_told && changed_at == known {
                continue;
            }
            match read(&self.files, &self.provider) {
                Ok(certificate) => {
                    known = changed_at;
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certificate);
                    tracing::info!("the TLS certificate was taken anew");
                }
                // Tried again at the next look: a certificate and its key are seldom written at one moment.
                Err(error) => tracing::error!(
                    error = format!("{error:#}"),
                    "the new TLS certificate cannot be used; the old one stays"
                ),
            }
        }
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn changed_at(&self) -> [Option<SystemTime>; 2] {
        [&self.files.certificate, &self.files.key]
            .map(|file| std::fs::metadata(file).and_then(|file| file.modified()).ok())
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl ResolvesClientCert for Certificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn read(files: &TlsFiles, provider: &CryptoProvider) -> anyhow::Result<CertifiedKey> {
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("failed to read the certificate {}", files.certificate.display()))?;
    anyhow::ensure!(
        !chain.is_empty(),
        "{} holds no certificate",
        files.certificate.display()
    );
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .with_context(|| format!("failed to read the key {}", files.key.display()))?;
    CertifiedKey::from_der(chain, key, provider).context("the key and the certificate do not fit")
}

/// A certificate that is shown to servers, as it is now.
///
/// # Errors
/// Where a file cannot be read, or key and certificate do not belong together.
pub fn client_certificate(certificate: &Path, key: &Path) -> anyhow::Result<Arc<dyn ResolvesClientCert>> {
    Ok(as_it_is_now(certificate, key)?)
}

/// A certificate that is shown to clients, as it is now.
///
/// # Errors
/// As [`client_certificate`].
pub fn server_certificate(certificate: &Path, key: &Path) -> anyhow::Result<Arc<dyn ResolvesServerCert>> {
    Ok(as_it_is_now(certificate, key)?)
}

fn as_it_is_now(certificate: &Path, key: &Path) -> anyhow::Result<Arc<Certificate>> {
    Certificate::load(TlsFiles {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        reload_interval: Duration::MAX,
    })
}
