//! The trail's archive: what is old is written out in segments, and taken out of the database once the segment was read back.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{TimeDelta, Utc};
use norma_database::{AuditHead, Database, NewAuditEvent};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::heads::HeadKey;
use crate::segment::{SegmentFile, read_segment, segments_of, write_segment};
use crate::syslog::EXPORT;

/// Events of one segment at most.
const MOST_EVENTS: u32 = 20_000;

/// Archives the trail of a database.
#[derive(Clone)]
pub struct AuditArchive {
    pub database: Database,
    /// Signs the segments.
    pub key: HeadKey,
    pub folder: PathBuf,
    /// How long events stay in the database.
    pub keep: TimeDelta,
    /// Whether events go to a collector: those that it was not sent yet stay.
    pub is_exported: bool,
}

impl AuditArchive {
    /// Archives every so often until `shutdown`, the first time at once. What fails is tried again the next time.
    pub async fn run(self, every: Duration, shutdown: CancellationToken) {
        loop {
            if let Err(error) = self.archive_all().await {
                tracing::error!(
                    error = %format!("{error:#}"),
                    "the audit trail cannot be archived: its old events stay in the database"
                );
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
        }
    }

    /// Archives whatever is old enough; gives how many events left the database.
    ///
    /// # Errors
    /// Where a segment cannot be written or is not as the database says, and where that does not answer. Nothing is lost then.
    pub async fn archive_all(&self) -> anyhow::Result<u64> {
        let mut archived = 0;
        while let Some(segment) = self.next_segment().await? {
            archived += self.prune(&segment).await?;
        }
        Ok(archived)
    }

    /// The segment that follows what was taken out of the database: the one that a process wrote that was killed before it took its events
    /// out, or a new one. None where nothing is old enough.
    ///
    /// # Errors
    /// Where it cannot be written, and where the segments before it are not in the folder.
    pub async fn next_segment(&self) -> anyhow::Result<Option<SegmentFile>> {
        let pruned = self.database.audit_pruned().await?.sequence;
        let segments = self.segments().await?;
        anyhow::ensure!(
            pruned == 0 || segments.iter().any(|segment| segment.last == pruned),
            "audit.archive.folder lacks the segment that ends with event {pruned}: is it the folder of this installation?"
        );
        if let Some(written) = segments.into_iter().find(|segment| segment.first == pruned + 1) {
            return Ok(Some(written));
        }
        let until = Utc::now() - self.keep;
        let mut records = self.database.audit_records(pruned, until, MOST_EVENTS).await?;
        // The last event stays: what is appended follows it.
        let last = self.database.audit_head().await?.map_or(0, |head| head.sequence);
        let mut sent = last.saturating_sub(1);
        if self.is_exported {
            sent = sent.min(self.database.audit_export_position(EXPORT).await?);
        }
        records.retain(|record| record.sequence <= sent);
        if records.is_empty() {
            return Ok(None);
        }
        let (folder, key, installation) = (self.folder.clone(), self.key.clone(), self.installation().await?);
        let writing =
            tokio::task::spawn_blocking(move || write_segment(&folder, &key, installation, &records));
        Ok(Some(writing.await.context("the writer of segments ended")??))
    }

    /// Takes the events of a segment out of the database, once it was read back from the disk and is as the database says.
    ///
    /// # Errors
    /// Where it is not.
    pub async fn prune(&self, segment: &SegmentFile) -> anyhow::Result<u64> {
        let (file, key, installation) = (segment.clone(), self.key.public(), self.installation().await?);
        let reading = tokio::task::spawn_blocking(move || read_segment(&file, &key, installation));
        let named = || segment.path.display().to_string();
        let records = reading
            .await
            .context("the reader of segments ended")?
            .with_context(named)?;
        let (first, last) = records.first().zip(records.last()).context("it holds no event")?;
        let pruned = self.database.audit_pruned().await?;
        if segment.last <= pruned.sequence {
            // Another process was quicker.
            return Ok(0);
        }
        anyhow::ensure!(
            first.sequence == pruned.sequence + 1 && first.previous_hash == pruned.hash,
            "{} does not follow what was archived before it",
            named()
        );
        // The chain of hashes says the same of every event before.
        let here = self.database.audit_hash_of(last.sequence).await?;
        anyhow::ensure!(
            here.as_ref() == Some(&last.hash),
            "{} is not as the database says",
            named()
        );
        let until = AuditHead {
            sequence: last.sequence,
            hash: last.hash.clone(),
        };
        let mut told = NewAuditEvent::of_system("gateway", "audit.archive");
        told.detail = format!(
            "events {} to {}, the last with hash {}",
            first.sequence, last.sequence, last.hash
        );
        let taken = self.database.prune_audit(until, told).await?;
        tracing::info!(
            first = first.sequence,
            last = last.sequence,
            "a segment of the audit trail was archived"
        );
        Ok(taken)
    }

    async fn segments(&self) -> anyhow::Result<Vec<SegmentFile>> {
        let folder = self.folder.clone();
        tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&folder)?;
            segments_of(&folder)
        })
        .await
        .context("the reader of the folder ended")?
        .with_context(|| format!("audit.archive.folder: {}", self.folder.display()))
    }

    async fn installation(&self) -> anyhow::Result<Uuid> {
        let installation = self.database.installation().await?;
        installation.context("the database names no installation yet")
    }
}
