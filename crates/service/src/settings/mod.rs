//! The settings: `config/base.yaml` as one typed struct.

mod durations;
mod expected;
mod identity;
mod load;
mod network_peer;
mod pacs;
mod reading;
mod routing;
mod sections;
mod sources;
mod value;
mod workitems;

pub use expected::{ExpectedLevel, ExpectedSettings};
pub use identity::{
    AuditSettings, Authentication, IdentitySettings, LockoutSettings, OpenIdSettings, PasskeySettings,
    PasswordSettings, RoleValues, SecondFactorMode, SecondFactorSettings, SessionSettings, SyslogSettings,
};
pub use load::{BASE_SETTINGS, CONFIG_VARIABLE, SettingsError};
pub use pacs::{
    AccessionNumberField, CommitmentPeerSettings, DeliveredLanguage, DeliveredObjects, DeliveredStudies,
    DestinationKind, DestinationSettings, Hl7Settings, PacsSettings, PacsTlsSettings,
};
pub use reading::tell_confinement;
pub use routing::{RoutingFilter, RoutingPriority, RoutingRule, RoutingSettings, RoutingWay};
pub use sections::{
    AdminSettings, AnalysisSettings, CudaSetting, DatabaseSettings, DeidentificationSettings,
    EncryptionSettings, GatewaySettings, LogFormat, ModelSettings, ObjectSettings, ObjectsKind,
    OutboxSettings, PerStage, QueueKind, QueueSettings, RabbitMqSettings, RequestSettings, RetentionSettings,
    S3Settings, SandboxSettings, Settings, ShadowSettings, StorageSettings, TelemetrySettings, TlsSettings,
    WorkerSettings,
};
pub use sources::{PriorsSettings, RetrieveMethod, SourceSettings};
pub use workitems::WorkitemSettings;
