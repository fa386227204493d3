//! What the gateway is told by the settings.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use norma_deidentification::Key;
use norma_domain::Roles;
use norma_service::{IdentitySettings, Settings};
use secrecy::ExposeSecret;

/// How many requests a client may make.
#[derive(Debug, Clone, Copy)]
pub struct RequestRate {
    /// On average; 0 sets no limit.
    pub per_minute: u32,
    /// At once.
    pub burst: u32,
}

/// When uploads are refused for the storage's sake.
#[derive(Debug, Clone, Copy)]
pub struct StorageLimits {
    /// Bytes that stay free on each disk written to.
    pub free_floor_bytes: u64,
    /// Bytes of all originals and of what analyses write beside them; 0 sets no quota.
    pub quota_bytes: u64,
    /// The same for those of one account or scope.
    pub identity_quota_bytes: u64,
    /// Bytes that an analysis may write for each byte of its original.
    pub written_per_byte: u64,
    /// Bytes that an analysis may write besides, of whatever size its original is.
    pub written_per_study_bytes: u64,
}

/// Where the certificate lies.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// PEM: the server's certificate, then those that lead to an authority.
    pub certificate: PathBuf,
    /// PEM: PKCS #8, PKCS #1 or SEC 1.
    pub key: PathBuf,
    /// How often the files are looked at.
    pub reload_interval: Duration,
}

/// The gateway's options; `config/base.yaml` documents each.
#[derive(Debug, Clone)]
pub struct GatewayOptions {
    pub upload_limit_bytes: u64,
    /// How long a client may send nothing in the middle of an upload.
    pub upload_idle: Duration,
    /// The slowest upload, measured over all of it once `upload_idle` has passed.
    pub upload_least_bytes_per_second: u64,
    /// The longest time that an upload may take to come.
    pub upload_deadline: Duration,
    /// Uploads that are received side by side.
    pub uploads_at_once: usize,
    /// As many of these may be one account's or scope's.
    pub uploads_at_once_per_identity: usize,
    /// Fields of an upload's form at most.
    pub form_fields_max: usize,
    /// The longest text field of an upload's form.
    pub form_text_limit_bytes: usize,
    /// The largest body of a request that is no upload.
    pub json_limit_bytes: usize,
    /// How long a client may take to send the head of a request.
    pub head_timeout: Duration,
    /// How long a client may take to send a body that is no upload.
    pub body_timeout: Duration,
    /// None serves without encryption.
    pub tls: Option<TlsFiles>,
    /// Whether every upload is de-identified, asked for or not.
    pub deidentify_uploads: bool,
    pub deidentification_key: Key,
    pub request_rate: RequestRate,
    pub storage: StorageLimits,
    /// Where uploads lie while they are looked at.
    pub spool_folder: PathBuf,
    /// How long a prediction is waited for before 202.
    pub predict_wait: Duration,
    /// The longest wait that a client may prefer.
    pub longest_wait: Duration,
    /// Studies of one upload to `/inference/predict` at most.
    pub most_studies: usize,
    /// After this time an analysis that has not ended fails, waiting for workers included.
    pub analysis_deadline: Duration,
    /// Where a request names none; the bundle's default where this names none either.
    pub operating_point: Option<String>,
    /// Who may ask for an urgent analysis.
    pub urgent_roles: Roles,
    /// Unfinished urgent analyses of one account or scope.
    pub urgent_at_once_per_identity: u32,
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
    /// What work items call Norma.
    pub workitem_station: String,
    /// How long work items that ended are kept.
    pub workitems_kept: Duration,
}

impl TlsFiles {
    /// None where no certificate is named.
    pub(crate) fn of(
        certificate: Option<&PathBuf>,
        key: Option<&PathBuf>,
        reload_seconds: u64,
    ) -> Option<Self> {
        let (certificate, key) = certificate.zip(key)?;
        Some(Self {
            certificate: certificate.clone(),
            key: key.clone(),
            reload_interval: Duration::from_secs(reload_seconds.max(1)),
        })
    }
}

impl From<&Settings> for GatewayOptions {
    fn from(settings: &Settings) -> Self {
        let gateway = &settings.gateway;
        let predict_wait = Duration::from_secs(gateway.predict_wait_seconds);
        Self {
            upload_limit_bytes: gateway.upload_limit_bytes,
            upload_idle: Duration::from_secs(gateway.upload_idle_seconds),
            upload_least_bytes_per_second: gateway.upload_least_bytes_per_second,
            upload_deadline: Duration::from_secs(gateway.upload_deadline_seconds),
            uploads_at_once: gateway.uploads_at_once,
            uploads_at_once_per_identity: gateway.uploads_at_once_per_identity,
            form_fields_max: gateway.form_fields_max,
            form_text_limit_bytes: gateway.form_text_limit_bytes,
            json_limit_bytes: gateway.json_limit_bytes,
            head_timeout: Duration::from_secs(gateway.head_timeout_seconds),
            body_timeout: Duration::from_secs(gateway.body_timeout_seconds),
            tls: TlsFiles::of(
                gateway.tls.certificate.as_ref(),
                gateway.tls.key.as_ref(),
                gateway.tls.reload_seconds,
            ),
            deidentify_uploads: settings.deidentification.uploads,
            deidentification_key: settings
                .deidentification
                .key
                .as_ref()
                .and_then(|key| Key::new(key.expose_secret().as_bytes()).ok())
                .unwrap_or_else(Key::random),
            request_rate: RequestRate {
                per_minute: gateway.requests.per_minute,
                burst: gateway.requests.burst,
            },
            storage: StorageLimits {
                free_floor_bytes: gateway.storage.free_floor_bytes,
                quota_bytes: gateway.storage.quota_bytes,
                identity_quota_bytes: gateway.storage.identity_quota_bytes,
                written_per_byte: gateway.storage.written_per_byte,
                written_per_study_bytes: gateway.storage.written_per_study_bytes,
            },
            spool_folder: own_spool_folder(gateway.spool_folder.clone()),
            predict_wait,
            longest_wait: predict_wait,
            most_studies: gateway.predict_studies_max,
            analysis_deadline: Duration::from_secs(u64::from(settings.analysis.wait_limit_hours) * 3600),
            operating_point: settings.analysis.operating_point.clone(),
            urgent_roles: settings.analysis.urgent_roles,
            urgent_at_once_per_identity: settings.analysis.urgent_at_once_per_identity,
            request_timeout: Duration::from_secs(gateway.request_timeout_seconds),
            page_folder: gateway.page_folder.clone(),
            public_url: gateway.public_url.clone(),
            trusted_proxies: gateway.trusted_proxies.clone(),
            identity: settings.identity.clone(),
            cors_origins: gateway.cors_origins.clone(),
            workitem_station: settings.workitems.station.trim().to_owned(),
            workitems_kept: Duration::from_secs(u64::from(settings.workitems.kept_days) * 86_400),
        }
    }
}

/// A folder of this user's own below the given one: everybody may make folders where temporary files lie, and volumes are
/// often writable for all.
fn own_spool_folder(parent: Option<PathBuf>) -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    parent
        .unwrap_or_else(std::env::temp_dir)
        .join(format!("norma-uploads-{user}"))
}
