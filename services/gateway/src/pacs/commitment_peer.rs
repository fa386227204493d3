use std::sync::Arc;

use anyhow::Context as _;
use norma_dicom_network::{AeTitle, ScuOptions};
use norma_service::{CommitmentPeerSettings, Settings};

use crate::certificate::Certificate;
use crate::network_peer::{NetworkPeer, PeerTls};

/// Who may ask for storage commitment, and where it is told.
#[derive(Debug, Clone)]
pub(super) struct CommitmentPeer {
    /// Of the settings.
    pub(super) name: String,
    pub(super) title: AeTitle,
    pub(super) scu: ScuOptions,
}

impl CommitmentPeer {
    pub(super) fn all_of(
        settings: &Settings,
        own: &AeTitle,
        certificate: Option<&Arc<Certificate>>,
    ) -> anyhow::Result<Vec<Self>> {
        let peers = settings.pacs.storage_commitment.iter();
        let peers = peers.map(|(name, peer)| {
            Self::of(name, peer, own, certificate).with_context(|| format!("pacs.storage_commitment.{name}"))
        });
        peers.collect()
    }

    fn of(
        name: &str,
        settings: &CommitmentPeerSettings,
        own: &AeTitle,
        certificate: Option<&Arc<Certificate>>,
    ) -> anyhow::Result<Self> {
        let title: AeTitle = settings
            .ae_title
            .as_deref()
            .unwrap_or_default()
            .parse()
            .context("ae_title")?;
        let tls = settings.tls.then_some(PeerTls {
            authority: settings.tls_ca.as_deref(),
            name: settings.tls_name.as_deref(),
        });
        let host = settings.host.as_deref().unwrap_or_default();
        let peer = NetworkPeer::of(host, settings.port, tls, certificate)?;
        Ok(Self {
            name: name.to_owned(),
            scu: peer.scu(&title, own),
            title,
        })
    }
}
