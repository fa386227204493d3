//! Where results are sent, as the settings say.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use norma_database::DeliveryDestination;
use norma_dicom_network::{AeTitle, ScuOptions};
use norma_dicom_results::{DicomResult, Language, ResultKind};
use norma_service::{
    DeliveredLanguage, DeliveredObjects, DeliveredStudies, DestinationKind, DestinationSettings, Settings,
};
use secrecy::SecretString;

use crate::certificate::Certificate;
use crate::deliveries::hl7_receiver::Hl7Receiver;
use crate::deliveries::http_service::HttpService;
use crate::deliveries::stow::StowService;
use crate::network_peer::{NetworkPeer, PeerTls};

/// What the settings say of results on their way.
#[derive(Debug, Clone)]
pub(crate) struct DeliveryOptions {
    /// In whose name is called.
    pub(super) calling: AeTitle,
    /// After which a destination that does not take a result gets it no more.
    pub(super) give_up: Duration,
    pub(super) destinations: Vec<Destination>,
}

/// A system that results are sent to.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    pub(super) name: String,
    pub(super) target: Target,
    pub(super) language: Language,
    /// All where none is named.
    objects: Vec<DeliveredObjects>,
    /// Delivered is what it says that it has stored.
    pub(super) commitment: bool,
    studies: DeliveredStudies,
}

/// How a destination is reached.
pub(crate) struct ReachedDestination<'a> {
    pub(crate) name: &'a str,
    pub(crate) service: DeliveryService,
    /// `host:port`, or where its service is, without a path.
    pub(crate) address: String,
    pub(crate) is_encrypted: bool,
    /// Of one that is spoken with by DICOM.
    pub(crate) scu: Option<ScuOptions>,
}

/// What is spoken with a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeliveryService {
    Dicom,
    DicomWeb,
    Hl7,
    Fhir,
    Webhook,
}

/// How it is sent to.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// By C-STORE.
    Entity {
        called: AeTitle,
        peer: NetworkPeer,
    },
    Stow(StowService),
    Hl7(Hl7Receiver),
    Fhir(HttpService),
    Webhook {
        service: HttpService,
        secret: SecretString,
    },
}

impl Target {
    fn of(settings: &DestinationSettings, certificate: Option<&Arc<Certificate>>) -> anyhow::Result<Self> {
        if let Some(url) = &settings.url {
            reqwest::Url::parse(url).context("url")?;
            let authorization = settings.authorization.clone();
            return Ok(match settings.kind {
                DestinationKind::Dicom => Self::Stow(StowService::new(url, authorization)?),
                DestinationKind::Fhir => Self::Fhir(HttpService::new(url.clone(), authorization)?),
                DestinationKind::Webhook => Self::Webhook {
                    service: HttpService::new(url.clone(), authorization)?,
                    secret: settings.secret.clone().context("secret")?,
                },
                DestinationKind::Hl7 => bail!("url: an HL7 receiver has a host and a port"),
            });
        }
        let tls = settings.tls.then_some(PeerTls {
            authority: settings.tls_ca.as_deref(),
            name: settings.tls_name.as_deref(),
        });
        let host = settings.host.as_deref().unwrap_or_default();
        let peer = NetworkPeer::of(host, settings.port, tls, certificate)?;
        if settings.kind == DestinationKind::Hl7 {
            return Ok(Self::Hl7(Hl7Receiver::new(peer, &settings.hl7)));
        }
        let called = settings.ae_title.as_deref().unwrap_or_default();
        Ok(Self::Entity {
            called: called.parse().context("ae_title")?,
            peer,
        })
    }

    fn service(&self) -> DeliveryService {
        match self {
            Self::Entity { .. } => DeliveryService::Dicom,
            Self::Stow(_) => DeliveryService::DicomWeb,
            Self::Hl7(_) => DeliveryService::Hl7,
            Self::Fhir(_) => DeliveryService::Fhir,
            Self::Webhook { .. } => DeliveryService::Webhook,
        }
    }

    /// Without what a URL may hold of secrets.
    fn host(&self) -> String {
        match self {
            Self::Entity { .. } | Self::Hl7(_) => self.address().to_owned(),
            Self::Stow(_) | Self::Fhir(_) | Self::Webhook { .. } => reqwest::Url::parse(self.address())
                .map(|url| url.origin().ascii_serialization())
                .unwrap_or_default(),
        }
    }

    fn is_encrypted(&self) -> bool {
        match self {
            Self::Entity { peer, .. } => peer.tls.is_some(),
            Self::Hl7(receiver) => receiver.is_encrypted(),
            Self::Stow(_) | Self::Fhir(_) | Self::Webhook { .. } => self.address().starts_with("https://"),
        }
    }

    /// For the log.
    pub(super) fn address(&self) -> &str {
        match self {
            Self::Entity { peer, .. } => &peer.address,
            Self::Stow(service) => service.url(),
            Self::Hl7(receiver) => receiver.address(),
            Self::Fhir(service) | Self::Webhook { service, .. } => service.url(),
        }
    }
}

impl DeliveryOptions {
    /// # Errors
    /// Where a title, a URL or a certificate is none.
    pub(crate) fn of(settings: &Settings, certificate: Option<&Arc<Certificate>>) -> anyhow::Result<Self> {
        let pacs = &settings.pacs;
        let destinations = pacs.destinations.iter();
        let destinations = destinations.map(|(name, destination)| {
            Destination::of(name, destination, certificate)
                .with_context(|| format!("pacs.destinations.{name}"))
        });
        Ok(Self {
            calling: pacs.ae_title.parse().context("pacs.ae_title")?,
            give_up: Duration::from_secs(u64::from(pacs.give_up_hours) * 3600),
            destinations: destinations.collect::<Result<_, _>>()?,
        })
    }
}

impl DeliveryOptions {
    /// How each destination is reached.
    pub(crate) fn reached(&self) -> impl Iterator<Item = ReachedDestination<'_>> {
        self.destinations.iter().map(|destination| {
            let target = &destination.target;
            ReachedDestination {
                name: &destination.name,
                service: target.service(),
                address: target.host(),
                is_encrypted: target.is_encrypted(),
                scu: match target {
                    Target::Entity { called, peer } => Some(peer.scu(called, &self.calling)),
                    _ => None,
                },
            }
        })
    }

    /// Who is asked what it has stored, by title and name.
    pub(crate) fn asked(&self) -> Vec<(AeTitle, String)> {
        let asked = self
            .destinations
            .iter()
            .filter(|destination| destination.commitment);
        asked
            .filter_map(|destination| match &destination.target {
                Target::Entity { called, .. } => Some((called.clone(), destination.name.clone())),
                _ => None,
            })
            .collect()
    }
}

impl Destination {
    fn of(
        name: &str,
        settings: &DestinationSettings,
        certificate: Option<&Arc<Certificate>>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            target: Target::of(settings, certificate)?,
            language: match settings.language {
                DeliveredLanguage::En => Language::English,
                DeliveredLanguage::Ru => Language::Russian,
            },
            objects: settings.objects.clone(),
            commitment: settings.commitment,
            studies: settings.studies,
        })
    }

    /// As the database queues for it.
    pub(super) fn queued(&self) -> DeliveryDestination {
        DeliveryDestination {
            name: self.name.clone(),
            all_studies: self.studies == DeliveredStudies::All,
        }
    }

    pub(super) fn gets(&self, object: &DicomResult) -> bool {
        let is_of = |kind: &DeliveredObjects| match kind {
            DeliveredObjects::All => true,
            DeliveredObjects::StructuredReport => object.kind() == ResultKind::StructuredReport,
            DeliveredObjects::Segmentation => object.kind() == ResultKind::Segmentation,
            DeliveredObjects::ParametricMap => object.kind() == ResultKind::ParametricMap,
            DeliveredObjects::KeyObjects => object.kind() == ResultKind::KeyObjects,
            DeliveredObjects::SecondaryCapture => object.kind() == ResultKind::SecondaryCapture,
        };
        self.objects.is_empty() || self.objects.iter().any(is_of)
    }
}
