//! The settings: `config/base.yaml` as one typed struct.

mod identity;
mod load;
mod reading;
mod sections;
mod value;

pub use identity::{
    AuditSettings, Authentication, IdentitySettings, LockoutSettings, OpenIdSettings, PasswordSettings,
    RoleValues, SessionSettings, SyslogSettings,
};
pub use load::{BASE_SETTINGS, CONFIG_VARIABLE, SettingsError};
pub use sections::{
    AdminSettings, AnalysisSettings, CudaSetting, DatabaseSettings, GatewaySettings, LimitSettings,
    LogFormat, ModelSettings, ObjectSettings, ObjectsKind, OutboxSettings, PerStage, QueueKind,
    QueueSettings, RabbitMqSettings, S3Settings, SandboxSettings, Settings, TelemetrySettings,
    WorkerSettings,
};
