//! Where a peer on the network is, and how it is reached there.

use std::net::Ipv6Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use norma_dicom_network::{AeTitle, Authorities, ClientTls, MAX_PDU_LENGTH, ScuOptions, TlsError};
use rustls::client::ResolvesClientCert;

use crate::certificate::Certificate;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// What is expected of a peer's certificate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeerTls<'a> {
    /// PEM file of its authority; None: one that this system trusts.
    pub(crate) authority: Option<&'a Path>,
    /// What it is for; None: the peer's host.
    pub(crate) name: Option<&'a str>,
}

/// A peer that listens.
#[derive(Debug, Clone)]
pub(crate) struct NetworkPeer {
    /// `host:port`.
    pub(crate) address: String,
    pub(crate) tls: Option<ClientTls>,
}

impl NetworkPeer {
    /// `certificate`: shown to a peer that asks.
    ///
    /// # Errors
    /// Where the authority cannot be read, or the name is none.
    pub(crate) fn of(
        host: &str,
        port: u16,
        tls: Option<PeerTls<'_>>,
        certificate: Option<&Arc<Certificate>>,
    ) -> Result<Self, TlsError> {
        let address = match host.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]:{port}"),
            Err(_) => format!("{host}:{port}"),
        };
        let tls = tls.map(|PeerTls { authority, name }| {
            let authorities = Authorities::of(authority)?;
            let shown = certificate.map(|certificate| Arc::clone(certificate) as Arc<dyn ResolvesClientCert>);
            ClientTls::new(&authorities, name.unwrap_or(host), shown)
        });
        Ok(Self {
            address,
            tls: tls.transpose()?,
        })
    }

    /// For an association.
    pub(crate) fn scu(&self, called: &AeTitle, calling: &AeTitle) -> ScuOptions {
        ScuOptions {
            address: self.address.clone(),
            called: called.clone(),
            calling: calling.clone(),
            max_pdu_length: MAX_PDU_LENGTH,
            connect_timeout: CONNECT_TIMEOUT,
            tls: self.tls.clone(),
            answer_timeout: ANSWER_TIMEOUT,
        }
    }
}
