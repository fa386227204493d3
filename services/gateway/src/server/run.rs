//! The gateway as a service of a process.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::TimeDelta;
use norma_audit::{AuditArchive, HeadKey, HeadWriter, ShownCertificate, SyslogTarget, run_syslog_export};
use norma_database::Database;
use norma_dicom_network::OutcomeListener;
use norma_service::{Authentication, Context, Settings, load_bundle};
use secrecy::ExposeSecret as _;

use crate::certificate::Certificate;
use crate::connections::Connections;
use crate::deliveries::{CommitmentOutcomes, DeliveryOptions, Dispatcher};
use crate::instance_counts::ExpectedRules;
use crate::options::GatewayOptions;
use crate::pacs::{PacsOptions, Receiver};
use crate::pulls::Sources;
use crate::routing::Rules;
use crate::server::application::Application;
use crate::server::parts::GatewayParts;
use crate::server::security::listen_address;
use crate::uploads::reader::UploadReader;
use crate::uploads::storage_room::over_quota;

/// Serves until the context's `shutdown`, then lets the requests under way finish.
pub async fn run(context: Context) -> anyhow::Result<()> {
    norma_service::tell_confinement(context.settings.sandbox.confinement);
    let settings = Arc::clone(&context.settings);
    let gateway = &settings.gateway;
    let address = listen_address(gateway.address, gateway.port, settings.identity.authentication)?;
    let is_encrypted = gateway.tls.certificate.is_some()
        || gateway
            .public_url
            .as_deref()
            .is_some_and(|url| url.starts_with("https://"));
    if !is_encrypted && !address.ip().is_loopback() {
        tracing::warn!(
            %address,
            "plain HTTP beyond this machine: passwords, keys and images travel readable; set gateway.tls, or a proxy \
             with TLS and its https gateway.public_url"
        );
    }
    let certificate = Certificate::of_node(&settings)?;
    let sources = Sources::of(&settings, certificate.as_ref())?;
    let expected = Arc::new(ExpectedRules::of(&settings.pacs.expected)?);
    let pacs = PacsOptions::of(
        &settings,
        certificate.clone(),
        (sources.clone(), Arc::clone(&expected)),
    )?;
    let deliveries = DeliveryOptions::of(&settings, certificate.as_ref())?;
    let bundle = load_bundle(&context).await;
    let (database, shutdown) = (context.database.clone(), context.shutdown.clone());
    let stopping = shutdown.clone();
    let parts = GatewayParts {
        models: Arc::new(move || bundle.get()),
        reader: UploadReader::new(settings.sandbox(), settings.limits.clone()),
        options: GatewayOptions::from(settings.as_ref()),
        connections: Connections::of(&settings, &sources, &deliveries),
        sources,
        rules: Rules::of(&settings.routing),
        expected: Arc::clone(&expected),
        context,
    };
    let storage = parts.options.storage;
    let application = Application::build(parts, address).context("failed to start the gateway")?;
    application
        .record_start()
        .await
        .context("failed to write the audit trail")?;
    if let Some(stored_bytes) = over_quota(&database, storage)
        .await
        .context("failed to ask what is stored")?
    {
        tracing::warn!(
            stored_bytes,
            quota_bytes = storage.quota_bytes,
            "uploads are refused: originals and what their analyses write reach gateway.storage.quota_bytes"
        );
    }
    if settings.identity.authentication == Authentication::On {
        let link = application
            .first_link()
            .await
            .context("failed to prepare the first sign-in")?;
        tell_newcomer(&application.base_url(), link.as_deref());
    }
    let asked = deliveries.asked();
    let outcomes = CommitmentOutcomes::new(database.clone(), asked.clone());
    let outcomes = (!asked.is_empty()).then(|| Arc::new(outcomes) as Arc<dyn OutcomeListener>);
    let dispatcher = Dispatcher::open(deliveries, database.clone(), application.results()).await?;
    let missing = database
        .missing_audit_guards()
        .await
        .context("failed to look at the audit trail's triggers")?;
    if !missing.is_empty() {
        tracing::error!(
            ?missing,
            "triggers that forbid changes of the audit trail are missing or off: whoever took them away may have changed it"
        );
    }
    let heads = head_writer(&settings, &database)?;
    if let Some(heads) = heads.clone() {
        let every = Duration::from_secs(60 * u64::from(settings.audit.heads.every_minutes));
        tokio::spawn(heads.run(every, shutdown.clone()));
    }
    if let Some(archive) = archive_of(&settings, &database)? {
        let every = Duration::from_secs(settings.retention.interval_seconds);
        tokio::spawn(archive.run(every, shutdown.clone()));
    }
    let export = settings.audit.syslog.address.clone().map(|address| {
        let syslog = &settings.audit.syslog;
        let target = SyslogTarget {
            address,
            ca_file: syslog.ca_file.clone(),
            shown: ShownCertificate::of(syslog.certificate.as_ref(), syslog.key.as_ref()),
        };
        tokio::spawn(run_syslog_export(database, target, shutdown))
    });
    if let Some(certificate) = certificate {
        tokio::spawn(certificate.keep_current(stopping.clone()));
    }
    let delivering = tokio::spawn(dispatcher.run(stopping.clone()));
    let receiving = match pacs {
        Some(options) => {
            let receiver = Receiver::open(options, application.received(), outcomes).await?;
            Some(tokio::spawn(receiver.run(stopping)))
        }
        None => None,
    };
    let served = application.run_until_stopped().await;
    if let Some(receiving) = receiving {
        receiving.await.context("the DICOM node failed")?;
    }
    delivering.await.context("the delivery of results failed")?;
    if let Some(export) = export {
        export.await.context("the export of the audit trail failed")?;
    }
    // With all that was told until now.
    if let Some(heads) = heads
        && let Err(error) = heads.write().await
    {
        tracing::error!(error = %format!("{error:#}"), "the last head of the audit trail could not be written down");
    }
    served
}

fn head_writer(settings: &Settings, database: &Database) -> anyhow::Result<Option<HeadWriter>> {
    let Some((file, key)) = settings
        .audit
        .heads
        .path
        .clone()
        .zip(settings.audit.heads.key.as_ref())
    else {
        return Ok(None);
    };
    let key = HeadKey::parse(key.expose_secret()).context("audit.heads.key")?;
    tracing::info!(file = %file.display(), public_key = %key.public(), "heads of the audit trail are signed");
    Ok(Some(HeadWriter::new(database.clone(), key, file)))
}

fn archive_of(settings: &Settings, database: &Database) -> anyhow::Result<Option<AuditArchive>> {
    let audit = &settings.audit;
    let Some((folder, key)) = audit.archive.folder.clone().zip(audit.heads.key.as_ref()) else {
        return Ok(None);
    };
    Ok(Some(AuditArchive {
        database: database.clone(),
        key: HeadKey::parse(key.expose_secret()).context("audit.heads.key")?,
        folder,
        keep: TimeDelta::days(audit.archive.keep_days.into()),
        is_exported: audit.syslog.address.is_some(),
    }))
}

/// What a person at the console needs to begin. Not for the log: a link signs in.
#[expect(clippy::print_stderr, reason = "speaks to the person who started the gateway")]
fn tell_newcomer(base_url: &str, link: Option<&str>) {
    eprintln!("\n  Norma: {base_url}");
    if let Some(link) = link {
        eprintln!("  Sign in with this link, which works once, and set a password:\n    {link}");
    }
    eprintln!(
        "  For programs: norma keys create NAME, then\n    curl -H 'Authorization: Bearer norma_…' -F file=@study.zip \
         {base_url}/inference/predict\n"
    );
}
