//! What the node is told by the settings.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use norma_dicom_network::{
    AeTitle, AllowedPeer, Authorities, MAX_PDU_LENGTH, ScpLimits, ScpOptions, ScpTimeouts, ServerTls,
    StorageClasses, StorageSupport,
};
use norma_imaging::READABLE_TRANSFER_SYNTAXES;
use norma_service::Settings;

use crate::certificate::Certificate;
use crate::instance_counts::ExpectedRules;
use crate::pacs::commitment_peer::CommitmentPeer;
use crate::pulls::{PriorsOptions, Sources};

/// What the node is told by the settings.
#[derive(Debug, Clone)]
pub(crate) struct PacsOptions {
    pub(super) address: SocketAddr,
    pub(super) ae_title: AeTitle,
    peers: Vec<AllowedPeer>,
    /// Whose studies are urgent.
    pub(super) urgent_callers: Vec<AeTitle>,
    pub(super) quiet: Duration,
    associations: usize,
    pub(super) folder: PathBuf,
    pub(super) instance_bytes: u64,
    pub(super) free_floor_bytes: u64,
    tls: Option<ServerTls>,
    /// Who may ask for storage commitment.
    pub(super) commitment_peers: Vec<CommitmentPeer>,
    pub(super) give_up: Duration,
    /// Archives that studies are pulled from.
    pub(super) sources: Sources,
    pub(super) priors: Option<PriorsOptions>,
    /// Who says how many instances studies have.
    pub(super) expected: Arc<ExpectedRules>,
}

impl PacsOptions {
    /// None where there is to be no node.
    ///
    /// # Errors
    /// Where a title or a peer is none, or there is no TLS with the certificates of the settings.
    pub(crate) fn of(
        settings: &Settings,
        certificate: Option<Arc<Certificate>>,
        (sources, expected): (Sources, Arc<ExpectedRules>),
    ) -> anyhow::Result<Option<Self>> {
        let pacs = &settings.pacs;
        if !pacs.enabled {
            return Ok(None);
        }
        let ae_title: AeTitle = pacs.ae_title.parse().context("pacs.ae_title")?;
        let commitment_peers = CommitmentPeer::all_of(settings, &ae_title, certificate.as_ref())?;
        let client_ca = pacs.tls.client_ca.as_deref().map(Authorities::of_file);
        let client_ca = client_ca.transpose().context("pacs.tls.client_ca")?;
        let tls = certificate.map(|certificate| ServerTls::new(certificate, client_ca));
        let urgent_callers = pacs.urgent_callers.iter().map(|title| title.parse());
        let peers = pacs.peers.iter().map(|peer| peer.parse());
        Ok(Some(Self {
            address: SocketAddr::new(pacs.address, pacs.port),
            ae_title,
            peers: peers.collect::<Result<_, _>>().context("pacs.peers")?,
            urgent_callers: urgent_callers
                .collect::<Result<_, _>>()
                .context("pacs.urgent_callers")?,
            quiet: Duration::from_secs(pacs.quiet_seconds),
            associations: pacs.associations,
            folder: pacs.folder.clone(),
            instance_bytes: settings.limits.file_bytes,
            free_floor_bytes: settings.gateway.storage.free_floor_bytes,
            tls: tls.transpose().context("pacs.tls")?,
            commitment_peers,
            give_up: Duration::from_secs(u64::from(pacs.give_up_hours) * 3600),
            sources,
            priors: PriorsOptions::of(&pacs.priors),
            expected,
        }))
    }

    /// `folder`: where files are written while they come.
    pub(super) fn scp(&self, folder: PathBuf) -> ScpOptions {
        ScpOptions {
            ae_title: self.ae_title.clone(),
            peers: self.peers.clone(),
            support: StorageSupport::only(StorageClasses::All, &READABLE_TRANSFER_SYNTAXES),
            limits: ScpLimits {
                associations: self.associations,
                max_pdu_length: MAX_PDU_LENGTH,
                instance_bytes: self.instance_bytes,
                free_floor_bytes: self.free_floor_bytes,
            },
            timeouts: ScpTimeouts::default(),
            tls: self.tls.clone(),
            folder,
        }
    }
}
