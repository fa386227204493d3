//! What the gateway is told by the settings.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use norma_service::{IdentitySettings, Settings};

/// The gateway's options; `config/base.yaml` documents each.
#[derive(Debug, Clone)]
pub struct GatewayOptions {
    pub upload_limit_bytes: u64,
    /// How long a client may send nothing in the middle of an upload.
    pub upload_idle: Duration,
    /// Where uploads lie while they are looked at.
    pub spool_folder: PathBuf,
    /// How long a prediction is waited for before 202.
    pub predict_wait: Duration,
    /// The longest wait that a client may prefer.
    pub longest_wait: Duration,
    /// Studies of one upload to `/inference/predict` at most.
    pub most_studies: usize,
    /// After this time an analysis that has not ended fails.
    pub analysis_deadline: Duration,
    /// Where a request names none; the bundle's default where this names none either.
    pub operating_point: Option<String>,
    /// How long a request may take that neither uploads nor waits.
    pub request_timeout: Duration,
    /// A folder with the built page, instead of the page in the binary.
    pub page_folder: Option<PathBuf>,
    /// Where browsers reach the gateway; None: the address listened on.
    pub public_url: Option<String>,
    /// Proxies whose word on where a request comes from is believed.
    pub trusted_proxies: Vec<IpAddr>,
    pub identity: IdentitySettings,
    /// Origins beside the gateway's own that may call it from a browser.
    pub cors_origins: Vec<String>,
}

impl From<&Settings> for GatewayOptions {
    fn from(settings: &Settings) -> Self {
        let gateway = &settings.gateway;
        let predict_wait = Duration::from_secs(gateway.predict_wait_seconds);
        Self {
            upload_limit_bytes: gateway.upload_limit_bytes,
            upload_idle: Duration::from_secs(gateway.upload_idle_seconds),
            spool_folder: gateway
                .spool_folder
                .clone()
                .unwrap_or_else(|| std::env::temp_dir().join("norma-uploads")),
            predict_wait,
            longest_wait: predict_wait,
            most_studies: gateway.predict_studies_max,
            analysis_deadline: Duration::from_secs(settings.analysis.deadline_seconds),
            operating_point: settings.analysis.operating_point.clone(),
            request_timeout: Duration::from_secs(gateway.request_timeout_seconds),
            page_folder: gateway.page_folder.clone(),
            public_url: gateway.public_url.clone(),
            trusted_proxies: gateway
                .trusted_proxies
                .iter()
                .filter_map(|proxy| proxy.parse().ok())
                .collect(),
            identity: settings.identity.clone(),
            cors_origins: gateway.cors_origins.clone(),
        }
    }
}
