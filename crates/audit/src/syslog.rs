//! Delivery by syslog: RFC 5424 messages over TLS (RFC 5425), as DICOM PS3.15 section A.6 profiles them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use chrono::SecondsFormat;
use norma_database::{AuditEvent, AuditQuery, Database};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use crate::message::audit_message;
use crate::tls::{ShownCertificate, connect};
use crate::xml::to_xml;

/// Facility 10 (security and authorization), severity 5 (notice).
const PRIORITY: u8 = 10 * 8 + 5;
/// Events that are sent at a time.
const BATCH: u32 = 200;
const LOOK_EVERY: Duration = Duration::from_secs(1);
const SETTLES: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Name under which the database keeps how far the export has come.
pub(crate) const EXPORT: &str = "syslog";

/// Where events are sent to.
#[derive(Debug, Clone)]
pub struct SyslogTarget {
    /// `host:port`.
    pub address: String,
    /// Authority of the collector's certificate; None takes the system's.
    pub ca_file: Option<PathBuf>,
    /// What the collector is shown (RFC 5425, 4.2.1); None: no certificate.
    pub shown: Option<ShownCertificate>,
}

/// An event as one frame: its length, a blank, and the message (RFC 5425 section 4.3).
///
/// # Errors
/// Where the message cannot be written, which is never.
pub fn syslog_frame(event: &AuditEvent, host: &str) -> anyhow::Result<Vec<u8>> {
    let at = event.event.at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let process = std::process::id();
    let xml = to_xml(&audit_message(event)).context("failed to write an audit message")?;
    // The byte order mark says that UTF-8 follows (RFC 5424 section 6.4).
    let message = format!("<{PRIORITY}>1 {at} {host} norma {process} DICOM+RFC3881 - \u{feff}{xml}");
    let mut frame = format!("{} ", message.len()).into_bytes();
    frame.extend_from_slice(message.as_bytes());
    Ok(frame)
}

/// Sends the trail's events, old ones first, until `shutdown`. A collector that is away is tried again and again.
pub async fn run_syslog_export(database: Database, target: SyslogTarget, shutdown: CancellationToken) {
    let mut pause = LOOK_EVERY;
    loop {
        let ended = tokio::select! {
            () = shutdown.cancelled() => return,
            ended = deliver(&database, &target) => ended,
        };
        if let Err(error) = ended {
            tracing::warn!(
                error = format!("{error:#}"),
                retry_in_seconds = pause.as_secs(),
                "the audit trail cannot be sent"
            );
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Sends on one connection until it breaks.
async fn deliver(database: &Database, target: &SyslogTarget) -> anyhow::Result<()> {
    let host = host_name();
    let stream = connect(&target.address, target.ca_file.as_deref(), target.shown.as_ref()).await?;
    let (mut reading, mut writing) = tokio::io::split(stream);
    let mut position = database.audit_export_position(EXPORT).await?;
    tracing::info!(after = position, "the audit trail is sent to its collector");
    loop {
        let query = AuditQuery {
            after: Some(position),
            ..AuditQuery::default()
        };
        let events = database.next_audit_events(query, BATCH).await?;
        let Some(last) = events.last().map(|event| event.sequence) else {
            stays_open(&mut reading, LOOK_EVERY).await?;
            continue;
        };
        let mut frames = Vec::new();
        for event in &events {
            frames.extend_from_slice(&syslog_frame(event, &host)?);
        }
        let sending = async {
            writing.write_all(&frames).await?;
            writing.flush().await
        };
        tokio::time::timeout(WRITE_TIMEOUT, sending)
            .await
            .context("the collector takes nothing more")?
            .context("the connection broke")?;
        // Syslog acknowledges nothing: of a connection that breaks right now, who knows what was read. It counts as
        // sent when the connection outlives it for a while; otherwise it is sent again.
        stays_open(&mut reading, SETTLES).await?;
        database.note_audit_export(EXPORT, last).await?;
        position = last;
    }
}

/// Waits, and fails when the connection ends meanwhile: a collector says nothing, so reading waits for the end.
async fn stays_open(reading: &mut (impl AsyncRead + Unpin), time: Duration) -> anyhow::Result<()> {
    let mut nothing = [0_u8; 64];
    let end = async {
        loop {
            match reading.read(&mut nothing).await {
                Ok(0) => return Err(anyhow::anyhow!("the collector closed the connection")),
                Ok(_) => {}
                Err(error) => return Err(anyhow::Error::new(error).context("the connection broke")),
            }
        }
    };
    tokio::time::timeout(time, end).await.unwrap_or(Ok(()))
}

/// The machine's name, or a dash where it has none (RFC 5424's nil).
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name
        .trim()
        .chars()
        .filter(char::is_ascii_graphic)
        .take(255)
        .collect();
    if name.is_empty() { "-".to_owned() } else { name }
}
