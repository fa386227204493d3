//! The systems of the settings.

use std::sync::Arc;

use norma_dicom_network::ScuOptions;
use norma_service::Settings;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::certificate::Certificate;
use crate::deliveries::{DeliveryOptions, DeliveryService, ReachedDestination};
use crate::pulls::Sources;

/// Which way studies and results go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeerWay {
    /// Studies are pulled from it: a name of `pacs.sources`.
    Source,
    /// Results are sent to it: a name of `pacs.destinations`.
    Destination,
}

/// How it is spoken with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeerService {
    Dicom,
    DicomWeb,
    Hl7,
    Fhir,
    Webhook,
}

/// A system that the settings name.
#[derive(Debug, Clone)]
pub struct Peer {
    pub way: PeerWay,
    pub name: String,
    pub service: PeerService,
    /// `host:port`, or where its service is, without a path.
    pub address: String,
    pub is_encrypted: bool,
    /// Of one that is spoken with by DICOM.
    pub(crate) scu: Option<ScuOptions>,
}

impl From<ReachedDestination<'_>> for Peer {
    fn from(destination: ReachedDestination<'_>) -> Self {
        Self {
            way: PeerWay::Destination,
            name: destination.name.to_owned(),
            service: match destination.service {
                DeliveryService::Dicom => PeerService::Dicom,
                DeliveryService::DicomWeb => PeerService::DicomWeb,
                DeliveryService::Hl7 => PeerService::Hl7,
                DeliveryService::Fhir => PeerService::Fhir,
                DeliveryService::Webhook => PeerService::Webhook,
            },
            address: destination.address,
            is_encrypted: destination.is_encrypted,
            scu: destination.scu,
        }
    }
}

impl Peer {
    fn of_archive(name: &str, scu: ScuOptions) -> Self {
        Self {
            way: PeerWay::Source,
            name: name.to_owned(),
            service: PeerService::Dicom,
            address: scu.address.clone(),
            is_encrypted: scu.tls.is_some(),
            scu: Some(scu),
        }
    }

    /// None of one that has no title.
    pub fn ae_title(&self) -> Option<String> {
        self.scu.as_ref().map(|scu| scu.called.to_string())
    }
}

/// This node, as peers have to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnNode {
    pub ae_title: String,
    /// `address:port`.
    pub address: String,
    pub is_encrypted: bool,
}

/// All that the settings name.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    /// None where it does not listen.
    pub node: Option<OwnNode>,
    peers: Arc<Vec<Peer>>,
}

impl Connections {
    /// As the settings name them.
    ///
    /// # Errors
    /// Where a title, an address or a certificate is none.
    pub fn of_settings(settings: &Settings) -> anyhow::Result<Self> {
        let certificate = Certificate::of_node(settings)?;
        let sources = Sources::of(settings, certificate.as_ref())?;
        let deliveries = DeliveryOptions::of(settings, certificate.as_ref())?;
        Ok(Self::of(settings, &sources, &deliveries))
    }

    pub(crate) fn of(settings: &Settings, sources: &Sources, deliveries: &DeliveryOptions) -> Self {
        let pacs = &settings.pacs;
        let node = pacs.enabled.then(|| OwnNode {
            ae_title: pacs.ae_title.clone(),
            address: std::net::SocketAddr::new(pacs.address, pacs.port).to_string(),
            is_encrypted: pacs.tls.certificate.is_some(),
        });
        let archives = sources.peers();
        let archives = archives.map(|(name, scu)| Peer::of_archive(name, scu));
        Self {
            node,
            peers: Arc::new(archives.chain(deliveries.reached().map(Peer::from)).collect()),
        }
    }

    /// Those that studies come from first.
    pub fn peers(&self) -> &[Peer] {
        &self.peers
    }

    pub(crate) fn peer(&self, way: PeerWay, name: &str) -> Option<&Peer> {
        self.peers
            .iter()
            .find(|peer| peer.way == way && peer.name == name)
    }
}
