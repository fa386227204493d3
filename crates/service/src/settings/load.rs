use std::env;
use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat};
use norma_domain::Stage;
use secrecy::ExposeSecret;

use super::durations::too_long;
use super::{ObjectsKind, QueueKind, SecondFactorMode, Settings};

/// `config/base.yaml` as compiled in.
pub const BASE_SETTINGS: &str = include_str!("../../../../config/base.yaml");

/// Environment variable that names a settings file.
pub const CONFIG_VARIABLE: &str = "NORMA_CONFIG";

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("failed to read the settings")]
    Unreadable(#[from] config::ConfigError),
    #[error("failed to read the file that {variable} names")]
    SecretFile {
        variable: String,
        #[source]
        source: std::io::Error,
    },
    #[error("both {variable} and {variable}_FILE are set")]
    GivenTwice { variable: String },
    #[error("the setting {name} {problem}")]
    Invalid { name: String, problem: &'static str },
}

impl Settings {
    /// Defaults, then the file (or the one that `NORMA_CONFIG` names), then `NORMA__SECTION__KEY` of the environment,
    /// or what the file holds that `NORMA__SECTION__KEY_FILE` names.
    pub fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        let named_by_environment = env::var_os(CONFIG_VARIABLE).filter(|value| !value.is_empty());
        let file = file
            .map(Path::to_owned)
            .or_else(|| named_by_environment.map(PathBuf::from));
        let variables = read_secret_files(
            env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )?;
        let environment = Environment::with_prefix("NORMA").source(Some(variables));
        Self::from_layers(file.as_deref(), environment)
    }

    /// The defaults alone.
    pub fn base() -> Self {
        Self::from_layers(None, Environment::default().source(Some(config::Map::new())))
            .expect("base.yaml is compiled in and a test reads it")
    }

    fn from_layers(file: Option<&Path>, environment: Environment) -> Result<Self, SettingsError> {
        let mut layers = Config::builder().add_source(File::from_str(BASE_SETTINGS, FileFormat::Yaml));
        if let Some(file) = file {
            layers = layers.add_source(File::from(file).format(FileFormat::Yaml));
        }
        // Texts are parsed by the type of the field, so a password of digits stays a text.
        let environment = environment.prefix_separator("__").separator("__");
        let layers = layers.add_source(environment).build()?;
        if let Some(name) = too_long("", &layers.cache, None) {
            let problem = "is at most a hundred years";
            return Err(SettingsError::Invalid { name, problem });
        }
        let settings: Self = layers.try_deserialize()?;
        settings.check()?;
        Ok(settings)
    }

    /// What the types alone cannot say.
    fn check(&self) -> Result<(), SettingsError> {
        let invalid = |name: &str, problem| {
            let name = name.to_owned();
            Err(SettingsError::Invalid { name, problem })
        };
        if self.queue.kind == QueueKind::RabbitMq && self.queue.rabbitmq.url.is_none() {
            return invalid("queue.rabbitmq.url", "is needed for queue.kind: rabbitmq");
        }
        let prefix = &self.queue.rabbitmq.prefix;
        if prefix.is_empty() || prefix.len() > 100 || prefix.contains(char::is_whitespace) {
            return invalid(
                "queue.rabbitmq.prefix",
                "is a word of at most 100 characters without blanks",
            );
        }
        if self.objects.kind == ObjectsKind::S3 && self.objects.s3.bucket.is_empty() {
            return invalid("objects.s3.bucket", "is needed for objects.kind: s3");
        }
        let tls = &self.gateway.tls;
        if tls.certificate.is_some() != tls.key.is_some() {
            return invalid("gateway.tls", "needs both, certificate and key, or neither");
        }
        let key = &self.deidentification.key;
        if key.as_ref().is_some_and(|key| key.expose_secret().len() < 16) {
            return invalid("deidentification.key", "has 16 characters at least");
        }
        if let Some((name, problem)) = self.pacs.problem(self.deidentification.uploads) {
            return invalid(&name, problem);
        }
        if let Some((name, problem)) = self.routing.problem(&self.pacs.destinations) {
            return invalid(&name, problem);
        }
        let syslog = &self.audit.syslog;
        if syslog.certificate.is_some() != syslog.key.is_some() {
            return invalid("audit.syslog.certificate", "and audit.syslog.key go together");
        }
        let heads = &self.audit.heads;
        if heads.path.is_some() && heads.key.is_none() {
            return invalid("audit.heads.key", "is needed for audit.heads.path");
        }
        let archive = &self.audit.archive;
        if archive.folder.is_some() && heads.key.is_none() {
            return invalid("audit.heads.key", "is needed for audit.archive.folder");
        }
        if archive.keep_days < 31 {
            return invalid("audit.archive.keep_days", "is at least 31");
        }
        if heads.every_minutes == 0 {
            return invalid("audit.heads.every_minutes", "is at least 1");
        }
        if self.retention.interval_seconds == 0 {
            return invalid("retention.interval_seconds", "is at least 1");
        }
        if self.database.connections == 0 {
            return invalid("database.connections", "is at least 1");
        }
        if self.database.connect_timeout_seconds == 0 || self.database.statement_timeout_seconds == 0 {
            return invalid(
                "database.connect_timeout_seconds or database.statement_timeout_seconds",
                "is at least 1",
            );
        }
        let bucket = &self.objects.s3;
        if bucket.connect_timeout_seconds == 0 || bucket.answer_timeout_seconds == 0 {
            return invalid(
                "objects.s3.connect_timeout_seconds or objects.s3.answer_timeout_seconds",
                "is at least 1",
            );
        }
        if self.outbox.batch == 0 || self.outbox.poll_interval_ms == 0 {
            return invalid("outbox.batch or outbox.poll_interval_ms", "is at least 1");
        }
        let analysis = &self.analysis;
        if analysis.sweep_interval_seconds == 0
            || analysis.deadline_seconds == 0
            || analysis.wait_limit_hours == 0
        {
            return invalid(
                "analysis.deadline_seconds, analysis.wait_limit_hours or analysis.sweep_interval_seconds",
                "is at least 1",
            );
        }
        if analysis.released_ahead == 0 {
            return invalid("analysis.released_ahead", "is at least 1");
        }
        for stage in Stage::ALL {
            if self.workers.concurrency.of(stage) == 0 || self.workers.timeout_seconds.of(stage) == 0 {
                return invalid("workers.concurrency or workers.timeout_seconds", "is at least 1");
            }
        }
        let identity = &self.identity;
        let second_factor = &identity.second_factor;
        if second_factor.mode == SecondFactorMode::Off && !second_factor.required_for.is_empty() {
            return invalid("identity.second_factor.required_for", "needs mode: optional");
        }
        if second_factor.issuer.trim().is_empty() {
            return invalid("identity.second_factor.issuer", "is a name");
        }
        if identity.session.idle_minutes == 0
            || identity.session.hours == 0
            || identity.sign_in_link_hours == 0
        {
            return invalid(
                "identity.session.idle_minutes, identity.session.hours or identity.sign_in_link_hours",
                "is at least 1",
            );
        }
        if identity.openid.issuer.is_some()
            && (identity.openid.client_id.is_none() || self.gateway.public_url.is_none())
        {
            return invalid(
                "identity.openid.issuer",
                "needs identity.openid.client_id and gateway.public_url",
            );
        }
        if let Some(url) = &self.gateway.public_url
            && (!(url.starts_with("http://") || url.starts_with("https://")) || url.ends_with('/'))
        {
            return invalid(
                "gateway.public_url",
                "begins with http:// or https:// and has no slash at its end",
            );
        }
        if !(0.0..=1.0).contains(&self.telemetry.sample_ratio) {
            return invalid("telemetry.sample_ratio", "is between 0 and 1");
        }
        Ok(())
    }
}

/// Norma's variables; `…_FILE` becomes the variable before it with what the file holds, less a last line break. Not where
/// a setting itself is named so (`audit.syslog.ca_file`).
fn read_secret_files(
    variables: impl Iterator<Item = (String, String)>,
) -> Result<config::Map<String, String>, SettingsError> {
    const SUFFIX: &str = "_FILE";
    let (files, mut plain): (Vec<_>, config::Map<String, String>) = {
        let ours = variables.filter(|(name, _)| name.starts_with("NORMA__"));
        let (files, plain): (Vec<_>, Vec<_>) =
            ours.partition(|(name, _)| name.ends_with(SUFFIX) && !is_setting(name));
        (files, plain.into_iter().collect())
    };
    for (name, file) in files.into_iter().filter(|(_, file)| !file.is_empty()) {
        let variable = name.strip_suffix(SUFFIX).unwrap_or(&name).to_owned();
        let content = std::fs::read_to_string(file).map_err(|source| SettingsError::SecretFile {
            variable: name.clone(),
            source,
        })?;
        let secret = content.strip_suffix('\n').unwrap_or(&content);
        let secret = secret.strip_suffix('\r').unwrap_or(secret).to_owned();
        if plain.insert(variable.clone(), secret).is_some() {
            return Err(SettingsError::GivenTwice { variable });
        }
    }
    Ok(plain)
}

/// Whether the defaults have a setting of exactly this variable's name.
fn is_setting(variable: &str) -> bool {
    let name = variable
        .trim_start_matches("NORMA__")
        .to_lowercase()
        .replace("__", ".");
    let base = Config::builder()
        .add_source(File::from_str(BASE_SETTINGS, FileFormat::Yaml))
        .build();
    base.is_ok_and(|base| base.get::<config::Value>(&name).is_ok())
}

#[cfg(test)]
mod tests;
