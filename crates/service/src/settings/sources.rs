//! The archives that studies are pulled from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::network_peer::{problem_of_address, problem_of_tls};
use super::value::{comma_separated, optional};

/// An archive that studies are pulled from. What is not said has the value that `config/base.yaml` tells.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
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
    #[serde(default)]
    pub retrieve: RetrieveMethod,
}

/// How studies are had from an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetrieveMethod {
    /// C-MOVE: it sends them to this node.
    #[default]
    Move,
    /// C-GET: over the association that asks for them.
    Get,
}

/// Earlier studies of the patients whose studies come.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriorsSettings {
    /// A name of `pacs.sources`; None: no earlier studies are pulled.
    #[serde(deserialize_with = "optional")]
    pub source: Option<String>,
    pub studies: usize,
    pub days: u32,
    pub modality: String,
    #[serde(deserialize_with = "comma_separated")]
    pub body_parts: Vec<String>,
}

impl SourceSettings {
    pub(super) fn problem(&self) -> Option<&'static str> {
        let of_tls = problem_of_tls(self.tls, self.tls_ca.as_ref(), self.tls_name.as_ref());
        if of_tls.is_some() {
            of_tls
        } else if self.ae_title.is_none() {
            Some("needs ae_title, the title that the archive is called by")
        } else {
            problem_of_address(self.host.as_deref(), self.port)
        }
    }
}

impl PriorsSettings {
    pub(super) fn problem(&self, sources: &BTreeMap<String, SourceSettings>) -> Option<&'static str> {
        let source = self.source.as_ref()?;
        if !sources.contains_key(source) {
            Some("has a source that is none of pacs.sources")
        } else if !(1..=20).contains(&self.studies) || self.days == 0 {
            Some("has 1 to 20 studies and at least 1 in days")
        } else if self.modality.is_empty() || self.modality.len() > 16 {
            Some("needs modality, as (0008,0060) names it")
        } else {
            None
        }
    }
}
