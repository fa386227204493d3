//! Authorities of a test's own, and certificates that they sign.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// An authority that nobody else knows. What it signs lies in its folder, which goes with it.
pub struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    certificate: PathBuf,
}

/// A certificate and its key, as PEM files.
pub struct SignedCertificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    /// # Errors
    /// Where no key can be made or no file written.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("failed to make a folder for an authority")?;
        let mut params = CertificateParams::new(Vec::new())?;
        // Each has a name of its own: who has its issuer's name is taken for its own issuer.
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let certificate = folder.path().join(format!("{name}.pem"));
        std::fs::write(&certificate, params.self_signed(&key)?.pem())?;
        Ok(Self {
            folder,
            issuer: Issuer::new(params, key),
            certificate,
        })
    }

    /// Its own certificate: for those who believe it.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// A certificate of this common name for 127.0.0.1.
    ///
    /// # Errors
    /// Where no key can be made or no file written.
    pub fn sign(&self, name: &str) -> anyhow::Result<SignedCertificate> {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        let own_key = KeyPair::generate()?;
        let certificate = params.signed_by(&own_key, &self.issuer)?;
        let signed = SignedCertificate {
            certificate: self.folder.path().join(format!("{name}.pem")),
            key: self.folder.path().join(format!("{name}.key")),
        };
        std::fs::write(&signed.key, own_key.serialize_pem())?;
        std::fs::write(&signed.certificate, certificate.pem())?;
        Ok(signed)
    }
}
