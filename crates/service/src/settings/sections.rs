//! One struct per section of `config/base.yaml`, which documents each field. No field has a default here: a setting
//! that is missing in the file is an error.

use std::net::IpAddr;
use std::path::PathBuf;

use norma_domain::{Roles, Stage, UnverifiedThreshold};
use norma_imaging::Limits;
use norma_pipeline::sandbox::ConfinementPolicy;
use secrecy::SecretString;
use serde::Deserialize;

use super::identity::{AuditSettings, IdentitySettings};
use super::pacs::PacsSettings;
use super::routing::RoutingSettings;
use super::value::{comma_separated, list, optional, roles};
use super::workitems::WorkitemSettings;

/// Every setting of every service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub database: DatabaseSettings,
    pub queue: QueueSettings,
    pub objects: ObjectSettings,
    pub encryption: EncryptionSettings,
    pub gateway: GatewaySettings,
    pub pacs: PacsSettings,
    pub routing: RoutingSettings,
    pub workitems: WorkitemSettings,
    pub identity: IdentitySettings,
    pub audit: AuditSettings,
    pub admin: AdminSettings,
    pub analysis: AnalysisSettings,
    pub workers: WorkerSettings,
    pub outbox: OutboxSettings,
    pub models: ModelSettings,
    pub limits: Limits,
    pub sandbox: SandboxSettings,
    pub deidentification: DeidentificationSettings,
    pub retention: RetentionSettings,
    pub telemetry: TelemetrySettings,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// May hold a password.
    pub url: SecretString,
    pub connections: u32,
    pub connect_timeout_seconds: u64,
    pub statement_timeout_seconds: u64,
    #[serde(deserialize_with = "optional")]
    pub application_role: Option<String>,
    #[serde(deserialize_with = "optional")]
    pub worker_role: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueSettings {
    pub kind: QueueKind,
    pub delivery_limit: u32,
    pub rabbitmq: RabbitMqSettings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueKind {
    InProcess,
    #[serde(rename = "rabbitmq")]
    RabbitMq,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RabbitMqSettings {
    #[serde(deserialize_with = "optional")]
    pub url: Option<SecretString>,
    pub prefix: String,
    pub publish_timeout_seconds: u64,
    pub heartbeat_seconds: u64,
    pub reconnect_max_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectSettings {
    pub kind: ObjectsKind,
    pub folder: PathBuf,
    pub s3: S3Settings,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncryptionSettings {
    #[serde(deserialize_with = "optional")]
    pub keys_file: Option<PathBuf>,
    pub accept_plain: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectsKind {
    Folder,
    S3,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Settings {
    #[serde(deserialize_with = "optional")]
    pub endpoint: Option<String>,
    pub bucket: String,
    pub region: String,
    #[serde(deserialize_with = "optional")]
    pub access_key_id: Option<String>,
    #[serde(deserialize_with = "optional")]
    pub secret_access_key: Option<SecretString>,
    pub connect_timeout_seconds: u64,
    pub answer_timeout_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaySettings {
    pub address: IpAddr,
    pub port: u16,
    #[serde(deserialize_with = "optional")]
    pub public_url: Option<String>,
    #[serde(deserialize_with = "list")]
    pub trusted_proxies: Vec<IpAddr>,
    #[serde(deserialize_with = "optional")]
    pub spool_folder: Option<PathBuf>,
    pub upload_limit_bytes: u64,
    pub upload_idle_seconds: u64,
    pub upload_least_bytes_per_second: u64,
    pub upload_deadline_seconds: u64,
    pub uploads_at_once: usize,
    pub uploads_at_once_per_identity: usize,
    pub form_fields_max: usize,
    pub form_text_limit_bytes: usize,
    pub json_limit_bytes: usize,
    pub head_timeout_seconds: u64,
    pub body_timeout_seconds: u64,
    pub request_timeout_seconds: u64,
    pub predict_wait_seconds: u64,
    pub predict_studies_max: usize,
    #[serde(deserialize_with = "comma_separated")]
    pub cors_origins: Vec<String>,
    #[serde(deserialize_with = "optional")]
    pub page_folder: Option<PathBuf>,
    pub tls: TlsSettings,
    pub requests: RequestSettings,
    pub storage: StorageSettings,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    #[serde(deserialize_with = "optional")]
    pub certificate: Option<PathBuf>,
    #[serde(deserialize_with = "optional")]
    pub key: Option<PathBuf>,
    pub reload_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestSettings {
    pub per_minute: u32,
    pub burst: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageSettings {
    pub free_floor_bytes: u64,
    pub quota_bytes: u64,
    pub identity_quota_bytes: u64,
    pub written_per_byte: u64,
    pub written_per_study_bytes: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminSettings {
    pub address: IpAddr,
    pub port: u16,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnalysisSettings {
    pub deadline_seconds: u64,
    pub wait_limit_hours: u32,
    pub sweep_interval_seconds: u64,
    #[serde(deserialize_with = "optional")]
    pub operating_point: Option<String>,
    pub released_ahead: u32,
    #[serde(deserialize_with = "roles")]
    pub urgent_roles: Roles,
    pub urgent_at_once_per_identity: u32,
    pub shadow: ShadowSettings,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShadowSettings {
    #[serde(deserialize_with = "optional")]
    pub bundle: Option<PathBuf>,
    pub only_when_idle: bool,
    pub catch_up_hours: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerSettings {
    pub concurrency: PerStage<u16>,
    pub timeout_seconds: PerStage<u64>,
    pub retry_pause_ms: u64,
    pub retry_pause_max_ms: u64,
    pub shutdown_grace_seconds: u64,
    #[serde(deserialize_with = "optional")]
    pub scratch_folder: Option<PathBuf>,
}

/// A value for each stage.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerStage<T> {
    pub preprocess: T,
    pub anomaly: T,
    pub classifier: T,
    pub typing: T,
    pub report: T,
}

impl<T: Copy> PerStage<T> {
    pub const fn of(&self, stage: Stage) -> T {
        match stage {
            Stage::Preprocess => self.preprocess,
            Stage::Anomaly => self.anomaly,
            Stage::Classifier => self.classifier,
            Stage::Typing => self.typing,
            Stage::Report => self.report,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboxSettings {
    pub poll_interval_ms: u64,
    pub batch: u32,
    pub keep_hours: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    pub bundle: PathBuf,
    #[serde(deserialize_with = "optional")]
    pub onnxruntime: Option<PathBuf>,
    pub threads: usize,
    pub cuda: CudaSetting,
    pub shared_pass: bool,
    pub unverified_threshold: UnverifiedThreshold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CudaSetting {
    Auto,
    Off,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxSettings {
    #[serde(deserialize_with = "optional")]
    pub program: Option<PathBuf>,
    pub memory_bytes: u64,
    pub time_limit_seconds: u64,
    pub threads: usize,
    pub confinement: ConfinementPolicy,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeidentificationSettings {
    pub uploads: bool,
    #[serde(deserialize_with = "optional")]
    pub key: Option<SecretString>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionSettings {
    pub studies_days: u32,
    pub interval_seconds: u64,
    pub orphan_hours: u64,
    pub orphan_limit: usize,
    pub orphan_share_limit: f64,
    pub set_aside_days: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    pub format: LogFormat,
    pub level: String,
    #[serde(deserialize_with = "optional")]
    pub otlp_endpoint: Option<String>,
    pub sample_ratio: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Pretty,
    Json,
}
