//! Segments of the trail: files with events that follow each other, sealed by a signed head. JSON, one value a line: what the segment is,
//! its events with every column, the head of its last event.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use norma_database::{AuditHead, AuditRecord};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::heads::{HeadKey, HeadPublicKey};

const FORM: &str = "norma.audit-segment/v1";
const ENDING: &str = ".jsonl";

/// The first line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Beginning {
    segment: String,
    installation: Uuid,
    first: u64,
    last: u64,
}

/// A file that is named as a segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SegmentFile {
    pub first: u64,
    pub last: u64,
    pub path: PathBuf,
}

/// The segments of a folder by the numbers of their events. Other files are left alone.
///
/// # Errors
/// Where the folder cannot be read.
pub fn segments_of(folder: &Path) -> std::io::Result<Vec<SegmentFile>> {
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let numbers = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_prefix("audit-")?.strip_suffix(ENDING))
            .and_then(|numbers| numbers.split_once('-'));
        let numbers = numbers.and_then(|(first, last)| first.parse().ok().zip(last.parse().ok()));
        segments.extend(numbers.map(|(first, last)| SegmentFile {
            first,
            last,
            path: path.clone(),
        }));
    }
    segments.sort();
    Ok(segments)
}

/// Writes a segment. The file has its name only once it is whole and on the disk; one that is there stays as it is.
///
/// # Errors
/// Where there is nothing to write, or the file cannot be written.
pub(crate) fn write_segment(
    folder: &Path,
    key: &HeadKey,
    installation: Uuid,
    records: &[AuditRecord],
) -> anyhow::Result<SegmentFile> {
    let (first, last) = records
        .first()
        .zip(records.last())
        .context("a segment has events")?;
    let path = folder.join(format!(
        "audit-{:012}-{:012}{ENDING}",
        first.sequence, last.sequence
    ));
    let partial = folder.join(format!(".partial-{}", Uuid::new_v4().simple()));
    let written = write_lines(&partial, key, installation, records).and_then(|()| {
        // Never over another one: a link fails where there is one.
        match std::fs::hard_link(&partial, &path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.into()),
            _ => Ok(()),
        }
    });
    let _ = std::fs::remove_file(&partial);
    written.with_context(|| format!("failed to write {}", path.display()))?;
    File::open(folder).and_then(|folder| folder.sync_all())?;
    Ok(SegmentFile {
        first: first.sequence,
        last: last.sequence,
        path,
    })
}

fn write_lines(
    path: &Path,
    key: &HeadKey,
    installation: Uuid,
    records: &[AuditRecord],
) -> anyhow::Result<()> {
    let (first, last) = records
        .first()
        .zip(records.last())
        .context("a segment has events")?;
    let beginning = Beginning {
        segment: FORM.to_owned(),
        installation,
        first: first.sequence,
        last: last.sequence,
    };
    let head = AuditHead {
        sequence: last.sequence,
        hash: last.hash.clone(),
    };
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut writer = BufWriter::new(file);
    writeln!(writer, "{}", serde_json::to_string(&beginning)?)?;
    for record in records {
        writeln!(writer, "{}", serde_json::to_string(record)?)?;
    }
    // To microseconds, as it is written.
    let at = DateTime::from_timestamp_micros(Utc::now().timestamp_micros()).unwrap_or_default();
    writeln!(writer, "{}", key.sign(installation, head, at)?)?;
    writer.flush()?;
    writer.get_ref().sync_all()?;
    Ok(())
}

/// Reads a segment and checks all that it can tell by itself: whose it is, that its events follow each other with the hashes that they
/// say, and the signature over the last of them.
///
/// # Errors
/// With what is wrong.
pub fn read_segment(
    segment: &SegmentFile,
    key: &HeadPublicKey,
    installation: Uuid,
) -> anyhow::Result<Vec<AuditRecord>> {
    let mut lines = BufReader::new(File::open(&segment.path)?).lines();
    let mut next = || lines.next().transpose();
    let beginning: Beginning =
        serde_json::from_str(&next()?.context("it is empty")?).context("it is no segment")?;
    let expected = Beginning {
        segment: FORM.to_owned(),
        installation,
        first: segment.first,
        last: segment.last,
    };
    anyhow::ensure!(
        beginning == expected,
        "it is of another form, installation or part than its name says"
    );
    let mut records: Vec<AuditRecord> = Vec::new();
    for sequence in segment.first..=segment.last {
        let line = next()?.with_context(|| format!("it ends before event {sequence}"))?;
        let record: AuditRecord =
            serde_json::from_str(&line).with_context(|| format!("event {sequence} cannot be read"))?;
        anyhow::ensure!(record.sequence == sequence, "event {sequence} is missing");
        anyhow::ensure!(
            record.content_hash() == record.hash,
            "event {sequence} was altered"
        );
        let follows = records
            .last()
            .is_none_or(|before| before.hash == record.previous_hash);
        anyhow::ensure!(follows, "event {sequence} does not follow the one before it");
        records.push(record);
    }
    let seal = next()?.context("it has no head")?;
    let read = key.read(&seal, installation);
    let last = records.last().context("it holds no event")?;
    let is_sealed = read.faults.is_empty()
        && read
            .heads
            .first()
            .is_some_and(|head| head.sequence == last.sequence && head.hash == last.hash);
    anyhow::ensure!(is_sealed, "its head is not signed by the key, or is another's");
    anyhow::ensure!(next()?.is_none(), "something stands behind its head");
    Ok(records)
}
