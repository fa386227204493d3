#![doc = include_str!("../README.md")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};

/// Why there are no authorities.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthoritiesError {
    #[error("{} is no PEM file of certificates", .0.display())]
    Certificates(PathBuf),
    #[error("this system trusts no authority: name a file of certificates")]
    NoAuthority,
}

/// Whose certificates are believed.
#[derive(Debug, Clone)]
pub struct Authorities(Arc<RootCertStore>);

impl Authorities {
    /// Those of a PEM file, or without one those that this system trusts.
    ///
    /// # Errors
    /// Where the file cannot be read or holds none; where the system trusts none.
    pub fn of(file: Option<&Path>) -> Result<Self, AuthoritiesError> {
        file.map_or_else(Self::of_system, Self::of_file)
    }

    /// Those of a PEM file. A certificate that nobody signed stands for itself.
    ///
    /// # Errors
    /// Where the file cannot be read, or holds none.
    pub fn of_file(file: &Path) -> Result<Self, AuthoritiesError> {
        let unusable = || AuthoritiesError::Certificates(file.to_owned());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|_| unusable())? {
            let added = certificate
                .ok()
                .and_then(|certificate| roots.add(certificate).ok());
            added.ok_or_else(unusable)?;
        }
        if roots.is_empty() {
            return Err(unusable());
        }
        Ok(Self(Arc::new(roots)))
    }

    fn of_system() -> Result<Self, AuthoritiesError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(AuthoritiesError::NoAuthority);
        }
        Ok(Self(Arc::new(roots)))
    }

    pub fn roots(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.0)
    }
}

/// The cryptography of every connection.
pub fn crypto() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// How a client speaks TLS, up to the certificate that it shows.
///
/// # Errors
/// Where the cryptography knows no version of TLS that is safe, which is never.
pub fn client_config(
    authorities: &Authorities,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, rustls::Error> {
    Ok(ClientConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(authorities.roots()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_taken_whole_or_not_at_all() {
        let certificate = rcgen::generate_simple_self_signed(["collector".to_owned()]).unwrap();
        let pem = certificate.cert.pem();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("authorities.pem");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Authorities::of(Some(&file)).map(|authorities| authorities.roots().len())
        };
        let refused = Err(AuthoritiesError::Certificates(file.clone()));
        assert_eq!(read(&pem), Ok(1));
        assert_eq!(read(&pem.repeat(2)), Ok(2));
        assert_eq!(read(""), refused);
        assert_eq!(read("no certificate"), refused);
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(read(&format!("{pem}{damaged}")), refused);
        let missing = folder.path().join("missing.pem");
        assert!(Authorities::of_file(&missing).is_err());
    }
}
