use std::env;
use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat};
use norma_domain::{Role, Stage};
use secrecy::ExposeSecret;

use super::{ObjectsKind, QueueKind, Settings};

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
        let settings: Self = layers.add_source(environment).build()?.try_deserialize()?;
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
        let heads = &self.audit.heads;
        if heads.path.is_some() && heads.key.is_none() {
            return invalid("audit.heads.key", "is needed for audit.heads.path");
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
        if analysis
            .urgent_roles
            .iter()
            .any(|role| role.parse::<Role>().is_err())
        {
            return invalid(
                "analysis.urgent_roles",
                "is a list of roles: clinician, integrator, operator or administrator",
            );
        }
        for stage in Stage::ALL {
            if self.workers.concurrency.of(stage) == 0 || self.workers.timeout_seconds.of(stage) == 0 {
                return invalid("workers.concurrency or workers.timeout_seconds", "is at least 1");
            }
        }
        let identity = &self.identity;
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
        if self
            .gateway
            .trusted_proxies
            .iter()
            .any(|proxy| proxy.parse::<std::net::IpAddr>().is_err())
        {
            return invalid("gateway.trusted_proxies", "is a list of IP addresses");
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
mod tests {
    use std::fs;

    use super::*;

    fn with_environment(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let variables = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Settings::from_layers(None, Environment::with_prefix("NORMA").source(Some(variables)))
    }

    #[test]
    fn the_file_and_the_struct_name_the_same_settings() {
        // Unknown fields are refused and no field has a default, so reading it is the proof.
        let settings = Settings::base();
        assert_eq!(settings.queue.kind, QueueKind::InProcess);
        assert!(settings.gateway.address.is_loopback());
        assert!(settings.admin.address.is_loopback());
        assert!(settings.queue.rabbitmq.url.is_none());
    }

    #[test]
    fn a_setting_missing_in_the_file_is_an_error() {
        let leaves: Vec<_> = BASE_SETTINGS
            .lines()
            .filter(|line| !line.trim_start().starts_with('#') && line.contains(": "))
            .collect();
        assert!(leaves.len() > 50);
        for leaf in leaves {
            let without: Vec<_> = BASE_SETTINGS.lines().filter(|line| *line != leaf).collect();
            let read = Config::builder()
                .add_source(File::from_str(&without.join("\n"), FileFormat::Yaml))
                .build()
                .and_then(Config::try_deserialize::<Settings>);
            // Two sections have a line of this text: only one of a kind proves anything.
            let is_unique = BASE_SETTINGS.lines().filter(|line| *line == leaf).count() == 1;
            assert!(read.is_err() || !is_unique, "{leaf} is not needed");
        }
    }

    #[test]
    fn every_setting_has_a_comment() {
        let mut is_explained = false;
        for line in BASE_SETTINGS.lines() {
            let text = line.trim_start();
            if text.starts_with('#') {
                is_explained = true;
            } else if text.is_empty() || text.ends_with(':') {
                // A comment above a group speaks for its members.
                is_explained &= text.ends_with(':');
            } else {
                assert!(is_explained, "{line} has no comment above it in its group");
            }
        }
    }

    #[test]
    fn environment_beats_file_beats_default() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("site.yaml");
        fs::write(&file, "gateway:\n  port: 9000\noutbox:\n  batch: 7\n").unwrap();
        let environment = Environment::with_prefix("NORMA").source(Some(
            [("NORMA__GATEWAY__PORT".to_owned(), "9100".to_owned())].into(),
        ));
        let settings = Settings::from_layers(Some(&file), environment).unwrap();
        assert_eq!(settings.gateway.port, 9100);
        assert_eq!(settings.outbox.batch, 7);
        assert_eq!(settings.outbox.keep_hours, Settings::base().outbox.keep_hours);
    }

    #[test]
    fn the_environment_reads_every_kind_of_value() {
        let settings = with_environment(&[
            ("NORMA__QUEUE__KIND", "rabbitmq"),
            ("NORMA__QUEUE__RABBITMQ__URL", "amqp://norma:00123@broker/%2f"),
            ("NORMA__OBJECTS__S3__SECRET_ACCESS_KEY", "00123"),
            ("NORMA__MODELS__CUDA", "off"),
            (
                "NORMA__GATEWAY__CORS_ORIGINS",
                "https://a.example, https://b.example",
            ),
            ("NORMA__TELEMETRY__SAMPLE_RATIO", "0.5"),
            ("NORMA__MODELS__ONNXRUNTIME", ""),
            ("NORMA__WORKERS__CONCURRENCY__REPORT", "2"),
            ("NORMA__IDENTITY__AUTHENTICATION", "off"),
            ("NORMA__IDENTITY__OPENID__ROLE_VALUES__INTEGRATOR", "pacs, ris"),
        ])
        .unwrap();
        assert_eq!(settings.queue.kind, QueueKind::RabbitMq);
        assert_eq!(
            settings.gateway.cors_origins,
            ["https://a.example", "https://b.example"]
        );
        let key = settings.objects.s3.secret_access_key.as_ref().unwrap();
        assert_eq!(key.expose_secret(), "00123");
        assert_eq!(settings.models.cuda, crate::CudaSetting::Off);
        assert!(settings.models.onnxruntime.is_none());
        assert_eq!(settings.workers.concurrency.of(Stage::Report), 2);
        assert_eq!(settings.identity.authentication, crate::Authentication::Off);
        assert_eq!(settings.identity.openid.role_values.integrator, ["pacs", "ris"]);
    }

    #[test]
    fn what_cannot_work_is_refused() {
        for (name, value) in [
            ("NORMA__QUEUE__KIND", "rabbitmq"),
            ("NORMA__QUEUE__KIND", "kafka"),
            ("NORMA__GATEWAY__PROT", "80"),
            ("NORMA__GATEWAY__PORT", "eighty"),
            ("NORMA__TELEMETRY__SAMPLE_RATIO", "2"),
            ("NORMA__WORKERS__CONCURRENCY__ANOMALY", "0"),
            ("NORMA__ANALYSIS__RELEASED_AHEAD", "0"),
            ("NORMA__ANALYSIS__URGENT_ROLES", "clinician, root"),
            ("NORMA__IDENTITY__AUTHENTICATION", "maybe"),
            ("NORMA__IDENTITY__OPENID__ISSUER", "https://issuer.example"),
            ("NORMA__GATEWAY__PUBLIC_URL", "norma.example"),
            ("NORMA__GATEWAY__TRUSTED_PROXIES", "proxy.example"),
        ] {
            assert!(with_environment(&[(name, value)]).is_err(), "{name}={value}");
        }
    }

    #[test]
    fn destinations_are_read_and_checked() {
        let whole = [
            ("NORMA__PACS__DESTINATIONS__ARCHIVE__AE_TITLE", "ARCHIVE"),
            ("NORMA__PACS__DESTINATIONS__ARCHIVE__HOST", "10.0.0.7"),
            ("NORMA__PACS__DESTINATIONS__ARCHIVE__PORT", "104"),
        ];
        let settings = with_environment(&whole).unwrap();
        let archive = &settings.pacs.destinations["archive"];
        assert_eq!(archive.port, 104);
        assert!(archive.objects.is_empty(), "all");
        let some = (
            "NORMA__PACS__DESTINATIONS__ARCHIVE__OBJECTS",
            "key_objects, segmentation",
        );
        let settings = with_environment(&[&whole[..], &[some]].concat()).unwrap();
        assert_eq!(
            settings.pacs.destinations["archive"].objects,
            [
                crate::DeliveredObjects::KeyObjects,
                crate::DeliveredObjects::Segmentation
            ]
        );
        assert_eq!(archive.studies, crate::DeliveredStudies::Received);
        assert!(!archive.tls);
        for left_out in 0..whole.len() {
            let mut less = whole.to_vec();
            let (name, _) = less.remove(left_out);
            let problem = with_environment(&less).unwrap_err().to_string();
            let word = name.rsplit("__").next().unwrap().to_lowercase();
            assert!(problem.contains("pacs.destinations.archive"), "{problem}");
            assert!(problem.contains(&word), "{problem}");
        }
        for (name, value) in [
            ("NORMA__PACS__DESTINATIONS__ARCHIVE__HOST", "10.0.0.7:104"),
            ("NORMA__PACS__DESTINATIONS__ARCHIVE__PORT", "70000"),
            ("NORMA__PACS__DESTINATIONS__ARCHIVE__OBJECTS", "pictures"),
            ("NORMA__PACS__DESTINATIONS__ARCHIVE__PORTS", "104"),
            (
                "NORMA__PACS__DESTINATIONS__ARCHIVE__URL",
                "https://pacs.example/dicom-web",
            ),
            ("NORMA__PACS__DESTINATIONS__ARCHIVE__AUTHORIZATION", "Bearer x"),
            ("NORMA__PACS__DESTINATIONS__WEB__URL", "pacs.example/dicom-web"),
            (
                "NORMA__PACS__DESTINATIONS__WEB__URL",
                "https://me:secret@pacs.example",
            ),
            ("NORMA__PACS__DESTINATIONS__ARCHIVE__TLS_CA", "ca.pem"),
            ("NORMA__PACS__DESTINATIONS__ARCHIVE__KIND", "hl7"),
            ("NORMA__PACS__DESTINATIONS__ARCHIVE__KIND", "webhook"),
            ("NORMA__PACS__DESTINATIONS__ARCHIVE__KIND", "post"),
            (
                "NORMA__PACS__DESTINATIONS__ARCHIVE__SECRET",
                "of a webhook, which this is not",
            ),
            (
                "NORMA__PACS__DESTINATIONS__ARCHIVE__HL7__RECEIVING_APPLICATION",
                "RIS",
            ),
            ("NORMA__PACS__DESTINATIONS__FEED__KIND", "fhir"),
            ("NORMA__PACS__TLS__KEY", "key.pem"),
            ("NORMA__PACS__TLS__CLIENT_CA", "ca.pem"),
            ("NORMA__PACS__GIVE_UP_HOURS", "0"),
            ("NORMA__DEIDENTIFICATION__UPLOADS", "true"),
        ] {
            let mut more = whole.to_vec();
            more.retain(|(known, _)| *known != name);
            more.push((name, value));
            assert!(with_environment(&more).is_err(), "{name}={value}");
        }
    }

    #[test]
    fn destinations_of_every_kind_are_read() {
        let settings = with_environment(&[
            ("NORMA__PACS__DESTINATIONS__RIS__KIND", "hl7"),
            ("NORMA__PACS__DESTINATIONS__RIS__HOST", "ris.example"),
            ("NORMA__PACS__DESTINATIONS__RIS__PORT", "2575"),
            ("NORMA__PACS__DESTINATIONS__RIS__TLS", "true"),
            (
                "NORMA__PACS__DESTINATIONS__RIS__HL7__RECEIVING_APPLICATION",
                "RIS",
            ),
            (
                "NORMA__PACS__DESTINATIONS__RIS__HL7__ACCESSION_NUMBER",
                "placer_field_1",
            ),
            ("NORMA__PACS__DESTINATIONS__RECORD__KIND", "fhir"),
            (
                "NORMA__PACS__DESTINATIONS__RECORD__URL",
                "https://fhir.example/r4",
            ),
            ("NORMA__PACS__DESTINATIONS__HOOK__KIND", "webhook"),
            (
                "NORMA__PACS__DESTINATIONS__HOOK__URL",
                "https://hook.example/norma",
            ),
            (
                "NORMA__PACS__DESTINATIONS__HOOK__SECRET",
                "a secret of 24 characters",
            ),
        ])
        .unwrap();
        let ris = &settings.pacs.destinations["ris"];
        assert_eq!(ris.kind, crate::DestinationKind::Hl7);
        assert_eq!(ris.hl7.receiving_application, "RIS");
        assert_eq!(ris.hl7.sending_application, "NORMA");
        assert_eq!(
            ris.hl7.accession_number,
            crate::AccessionNumberField::PlacerField1
        );
        assert!(!format!("{settings:?}").contains("a secret of"));
        let short = with_environment(&[
            ("NORMA__PACS__DESTINATIONS__HOOK__KIND", "webhook"),
            (
                "NORMA__PACS__DESTINATIONS__HOOK__URL",
                "https://hook.example/norma",
            ),
            ("NORMA__PACS__DESTINATIONS__HOOK__SECRET", "short"),
        ]);
        assert!(short.unwrap_err().to_string().contains("secret"));
    }

    #[test]
    fn secrets_come_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        fs::write(&file, "postgresql://norma:from-a-file@db/norma\n").unwrap();
        let name = "NORMA__DATABASE__URL";
        let of = |pairs: &[(String, String)]| read_secret_files(pairs.iter().cloned());
        let pair = (format!("{name}_FILE"), file.display().to_string());
        let variables = of(std::slice::from_ref(&pair)).unwrap();
        let environment = Environment::with_prefix("NORMA").source(Some(variables));
        let settings = Settings::from_layers(None, environment).unwrap();
        assert_eq!(
            settings.database.url.expose_secret(),
            "postgresql://norma:from-a-file@db/norma"
        );
        assert!(!format!("{settings:?}").contains("from-a-file"));
        assert!(matches!(
            of(&[pair, (name.to_owned(), "x".to_owned())]),
            Err(SettingsError::GivenTwice { .. })
        ));
        let missing = (
            format!("{name}_FILE"),
            folder.path().join("none").display().to_string(),
        );
        assert!(matches!(of(&[missing]), Err(SettingsError::SecretFile { .. })));
    }

    #[test]
    fn a_setting_that_names_a_file_is_no_secret_to_be_read() {
        let pair = (
            "NORMA__AUDIT__SYSLOG__CA_FILE".to_owned(),
            "/etc/ssl/syslog-ca.pem".to_owned(),
        );
        let variables = read_secret_files([pair].into_iter()).unwrap();
        let environment = Environment::with_prefix("NORMA").source(Some(variables));
        let settings = Settings::from_layers(None, environment).unwrap();
        assert_eq!(
            settings.audit.syslog.ca_file.as_deref(),
            Some(Path::new("/etc/ssl/syslog-ca.pem"))
        );
    }

    #[test]
    fn secrets_are_not_printed() {
        let settings = with_environment(&[
            ("NORMA__DATABASE__URL", "postgresql://norma:hidden-1@db/norma"),
            ("NORMA__QUEUE__RABBITMQ__URL", "amqp://norma:hidden-2@broker"),
            ("NORMA__OBJECTS__S3__SECRET_ACCESS_KEY", "hidden-3"),
            ("NORMA__IDENTITY__OPENID__CLIENT_SECRET", "hidden-4"),
            ("NORMA__DEIDENTIFICATION__KEY", "hidden-5-of-16-characters"),
            (
                "NORMA__PACS__DESTINATIONS__WEB__URL",
                "https://pacs.example/dicom-web",
            ),
            ("NORMA__PACS__DESTINATIONS__WEB__AUTHORIZATION", "Bearer hidden-6"),
        ])
        .unwrap();
        assert!(!format!("{settings:?}").contains("hidden"));
    }
}
