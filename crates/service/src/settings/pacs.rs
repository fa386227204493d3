use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::expected::{ExpectedSettings, problem_of_expected};
use super::network_peer::{problem_of_address, problem_of_name, problem_of_tls};
use super::sources::{PriorsSettings, SourceSettings};
use super::value::{comma_separated, list, optional};

/// Characters of what webhooks are signed with.
const LEAST_SECRET: usize = 24;

/// The DICOM node: what a PACS sends to, and where results are sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacsSettings {
    pub enabled: bool,
    pub address: IpAddr,
    pub port: u16,
    pub ae_title: String,
    #[serde(deserialize_with = "comma_separated")]
    pub peers: Vec<String>,
    #[serde(deserialize_with = "comma_separated")]
    pub urgent_callers: Vec<String>,
    pub quiet_seconds: u64,
    pub associations: usize,
    pub folder: PathBuf,
    pub tls: PacsTlsSettings,
    pub give_up_hours: u32,
    /// By their names.
    pub destinations: BTreeMap<String, DestinationSettings>,
    /// By their names.
    pub storage_commitment: BTreeMap<String, CommitmentPeerSettings>,
    /// By their names.
    pub sources: BTreeMap<String, SourceSettings>,
    pub priors: PriorsSettings,
    /// By names of their own.
    pub expected: BTreeMap<String, ExpectedSettings>,
}

/// A peer that may ask for storage commitment, and where it is told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitmentPeerSettings {
    #[serde(default, deserialize_with = "optional")]
    pub ae_title: Option<String>,
    #[serde(default, deserialize_with = "optional")]
    pub host: Option<String>,
    #[serde(default)]
    pub port: u16,
    #[serde(default)]
    pub tls: bool,
    #[serde(default, deserialize_with = "optional")]
    pub tls_ca: Option<PathBuf>,
    #[serde(default, deserialize_with = "optional")]
    pub tls_name: Option<String>,
}

impl CommitmentPeerSettings {
    fn problem(&self) -> Option<&'static str> {
        let of_tls = problem_of_tls(self.tls, self.tls_ca.as_ref(), self.tls_name.as_ref());
        if of_tls.is_some() {
            of_tls
        } else if self.ae_title.is_none() {
            Some("needs ae_title, the title that the peer calls with and is called by")
        } else {
            problem_of_address(self.host.as_deref(), self.port)
        }
    }
}

/// The certificate of this node's associations, and whose peers' certificates are believed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacsTlsSettings {
    #[serde(deserialize_with = "optional")]
    pub certificate: Option<PathBuf>,
    #[serde(deserialize_with = "optional")]
    pub key: Option<PathBuf>,
    pub reload_seconds: u64,
    #[serde(deserialize_with = "optional")]
    pub client_ca: Option<PathBuf>,
}

/// Where results are sent. What is not said has the value that `config/base.yaml` tells.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestinationSettings {
    #[serde(default)]
    pub kind: DestinationKind,
    #[serde(default, deserialize_with = "optional")]
    pub ae_title: Option<String>,
    #[serde(default, deserialize_with = "optional")]
    pub host: Option<String>,
    #[serde(default)]
    pub port: u16,
    #[serde(default)]
    pub tls: bool,
    #[serde(default, deserialize_with = "optional")]
    pub tls_ca: Option<PathBuf>,
    #[serde(default, deserialize_with = "optional")]
    pub tls_name: Option<String>,
    #[serde(default, deserialize_with = "optional")]
    pub url: Option<String>,
    /// A password or a token.
    #[serde(default, deserialize_with = "optional")]
    pub authorization: Option<SecretString>,
    /// What a webhook is signed with.
    #[serde(default, deserialize_with = "optional")]
    pub secret: Option<SecretString>,
    #[serde(default)]
    pub hl7: Hl7Settings,
    /// All where none is named.
    #[serde(default, deserialize_with = "list")]
    pub objects: Vec<DeliveredObjects>,
    /// Delivered is what the destination says that it has stored, not what it took.
    #[serde(default)]
    pub commitment: bool,
    #[serde(default)]
    pub studies: DeliveredStudies,
    #[serde(default)]
    pub language: DeliveredLanguage,
}

/// What a destination is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DestinationKind {
    /// Objects by C-STORE or STOW-RS.
    #[default]
    Dicom,
    /// ORU^R01 over MLLP.
    Hl7,
    /// A transaction of FHIR R4.
    Fhir,
    Webhook,
}

/// What the receiver of HL7 messages wants to read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hl7Settings {
    pub sending_application: String,
    pub sending_facility: String,
    pub receiving_application: String,
    pub receiving_facility: String,
    pub procedure_code: String,
    pub procedure_text: String,
    pub procedure_coding_system: String,
    pub accession_number: AccessionNumberField,
}

impl Default for Hl7Settings {
    fn default() -> Self {
        Self {
            sending_application: "NORMA".to_owned(),
            sending_facility: String::new(),
            receiving_application: String::new(),
            receiving_facility: String::new(),
            procedure_code: "norma".to_owned(),
            procedure_text: "Chest CT triage".to_owned(),
            procedure_coding_system: "99NORMA".to_owned(),
            accession_number: AccessionNumberField::default(),
        }
    }
}

/// The field of OBR that the accession number stands in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessionNumberField {
    #[default]
    FillerOrderNumber,
    PlacerOrderNumber,
    #[serde(rename = "placer_field_1")]
    PlacerField1,
}

/// A kind of objects of an answer that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveredObjects {
    All,
    StructuredReport,
    Segmentation,
    ParametricMap,
    KeyObjects,
    SecondaryCapture,
}

/// Of which studies results are sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveredStudies {
    /// Those that came by DICOM to this node.
    #[default]
    Received,
    All,
}

/// The language of the words in the pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveredLanguage {
    #[default]
    En,
    Ru,
}

impl PacsSettings {
    /// The setting that cannot be used, and why: what the types alone cannot say.
    pub(super) fn problem(&self, deidentifies: bool) -> Option<(String, &'static str)> {
        let of = |name: &str, problem| Some((name.to_owned(), problem));
        if self.enabled && deidentifies {
            return of(
                "pacs.enabled",
                "contradicts deidentification.uploads: instances that come by DICOM are kept and answered under the names they have",
            );
        }
        if !self.destinations.is_empty() && deidentifies {
            return of(
                "pacs.destinations",
                "contradicts deidentification.uploads: results would name studies that no PACS has",
            );
        }
        if self.quiet_seconds == 0 || self.associations == 0 || self.give_up_hours == 0 {
            return of(
                "pacs.quiet_seconds, pacs.associations or pacs.give_up_hours",
                "is at least 1",
            );
        }
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            return of(
                "pacs.tls",
                "has one of certificate and key: it needs both, or neither",
            );
        }
        if self.tls.client_ca.is_some() && self.tls.certificate.is_none() {
            return of("pacs.tls.client_ca", "goes with certificate and key alone");
        }
        let of_destination = self.destinations.iter().find_map(|(name, destination)| {
            let problem = problem_of_name(name).or_else(|| destination.problem());
            Some((format!("pacs.destinations.{name}"), problem?))
        });
        of_destination
            .or_else(|| self.problem_of_commitment())
            .or_else(|| self.problem_of_sources())
            .or_else(|| problem_of_expected(&self.expected, &self.sources, self.quiet_seconds))
    }

    fn problem_of_sources(&self) -> Option<(String, &'static str)> {
        let of_source = self.sources.iter().find_map(|(name, source)| {
            let without_node = "needs pacs.enabled: what is pulled comes to the node";
            let problem = problem_of_name(name)
                .or_else(|| source.problem())
                .or_else(|| (!self.enabled).then_some(without_node));
            Some((format!("pacs.sources.{name}"), problem?))
        });
        of_source.or_else(|| {
            let problem = self.priors.problem(&self.sources)?;
            Some(("pacs.priors".to_owned(), problem))
        })
    }

    fn problem_of_commitment(&self) -> Option<(String, &'static str)> {
        let mut titles = BTreeSet::new();
        self.storage_commitment.iter().find_map(|(name, peer)| {
            let is_first = titles.insert(peer.ae_title.as_deref().map(str::trim));
            let twice = "has the ae_title of another peer: who asks is told at one address";
            let problem = problem_of_name(name)
                .or_else(|| peer.problem())
                .or_else(|| (!is_first).then_some(twice));
            Some((format!("pacs.storage_commitment.{name}"), problem?))
        })
    }
}

impl DestinationSettings {
    fn problem(&self) -> Option<&'static str> {
        if self.secret.is_some() != (self.kind == DestinationKind::Webhook) {
            return Some(
                "has secret and kind: webhook not together: a webhook is signed with a secret, and nothing else is",
            );
        }
        if let Some(secret) = &self.secret
            && secret.expose_secret().len() < LEAST_SECRET
        {
            return Some("has a secret that is too short: at least 24 characters (openssl rand -base64 32)");
        }
        if self.kind != DestinationKind::Dicom && self.commitment {
            return Some("has commitment, which goes with kind: dicom alone");
        }
        if self.kind != DestinationKind::Dicom && !self.objects.is_empty() {
            return Some("has objects, which go with kind: dicom alone");
        }
        if self.kind != DestinationKind::Hl7 && self.hl7 != Hl7Settings::default() {
            return Some("has hl7, which goes with kind: hl7 alone");
        }
        match self.kind {
            DestinationKind::Fhir | DestinationKind::Webhook if self.url.is_none() => {
                return Some("needs url, where it is posted to");
            }
            DestinationKind::Hl7 if self.url.is_some() || self.ae_title.is_some() => {
                return Some("has url or ae_title, which do not go with kind: hl7: it needs host and port");
            }
            _ => {}
        }
        if let Some(url) = &self.url {
            let is_entity = self.ae_title.is_some() || self.host.is_some() || self.port != 0 || self.tls;
            let is_http = url.starts_with("http://") || url.starts_with("https://");
            return if is_entity {
                Some("has both, a url and an application entity (ae_title, host, port): make it two")
            } else if !is_http || url.contains(['?', '#', '@']) {
                Some("has a url that is none: it begins with http:// or https://, without password, ? and #")
            } else {
                None
            };
        }
        let of_tls = problem_of_tls(self.tls, self.tls_ca.as_ref(), self.tls_name.as_ref());
        if of_tls.is_some() {
            of_tls
        } else if self.authorization.is_some() {
            Some("has authorization, which goes with a url alone")
        } else if self.ae_title.is_none() && self.kind == DestinationKind::Dicom {
            Some("needs ae_title, the title of the application entity that is called, or a url")
        } else {
            problem_of_address(self.host.as_deref(), self.port)
        }
    }
}
