use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::value::comma_separated;

/// The DICOM node: what a PACS sends to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacsSettings {
    pub enabled: bool,
    pub address: IpAddr,
    pub port: u16,
    pub ae_title: String,
    #[serde(deserialize_with = "comma_separated")]
    pub peers: Vec<String>,
    pub quiet_seconds: u64,
    pub associations: usize,
    pub folder: PathBuf,
}
