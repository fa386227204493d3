//! Signed heads: where the trail stood and when, written outside of its database. Who owns the database can write the whole
//! trail anew; then it is not as these say, and without the key there are no others.

use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use norma_database::{AuditHead, Database};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The secret key that signs heads: 32 bytes, as 64 hexadecimal digits (`openssl rand -hex 32`).
#[derive(Clone)]
pub struct HeadKey(SigningKey);

/// The public key of a [`HeadKey`], as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadPublicKey(VerifyingKey);

/// What is wrong with a line of a file of heads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadFault {
    #[error("line {line} is no head")]
    Unreadable { line: usize },
    #[error("line {line} is not signed by the key, or was altered")]
    WrongSignature { line: usize },
    #[error("line {line} is of another installation")]
    OtherInstallation { line: usize },
    #[error(
        "line {line} names an earlier event than the line before it: the trail was set back, or lines were moved"
    )]
    Backwards { line: usize },
}

/// A file of heads, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeads {
    /// Those whose signature is right, in their order.
    pub heads: Vec<AuditHead>,
    pub faults: Vec<HeadFault>,
}

/// One line: JSON. Numbers of events begin with 1 and have no gaps: `sequence` is how many there were, too.
#[derive(Serialize, Deserialize)]
struct Line {
    installation: Uuid,
    sequence: u64,
    hash: String,
    at: DateTime<Utc>,
    /// Ed25519 over [`Line::text`], hexadecimal.
    signature: String,
}

impl Line {
    fn text(&self) -> String {
        format!(
            "norma.audit-head/v1\n{}\n{}\n{}\n{}",
            self.installation,
            self.sequence,
            self.hash,
            self.at.to_rfc3339_opts(SecondsFormat::Micros, true)
        )
    }
}

impl HeadKey {
    /// # Errors
    /// Where the text is not 64 hexadecimal digits.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(Self(SigningKey::from_bytes(&bytes_of(text)?)))
    }

    pub fn public(&self) -> HeadPublicKey {
        HeadPublicKey(self.0.verifying_key())
    }

    /// A head with its signature, as a line.
    pub(crate) fn sign(
        &self,
        installation: Uuid,
        head: AuditHead,
        at: DateTime<Utc>,
    ) -> anyhow::Result<String> {
        let mut line = Line {
            installation,
            sequence: head.sequence,
            hash: head.hash,
            at,
            signature: String::new(),
        };
        line.signature = hex::encode(self.0.sign(line.text().as_bytes()).to_bytes());
        Ok(serde_json::to_string(&line)?)
    }
}

impl HeadPublicKey {
    /// # Errors
    /// Where the text is not 64 hexadecimal digits that are a key.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let key = VerifyingKey::from_bytes(&bytes_of(text)?);
        Ok(Self(key.context("these digits are no public key")?))
    }

    /// Reads the lines of a file.
    pub fn read(&self, text: &str, installation: Uuid) -> SignedHeads {
        let mut read = SignedHeads {
            heads: Vec::new(),
            faults: Vec::new(),
        };
        let mut last = 0;
        for (number, text) in text.lines().enumerate() {
            let line = number + 1;
            match self.head_of(text, line, installation) {
                Ok(head) if head.sequence < last => read.faults.push(HeadFault::Backwards { line }),
                Ok(head) => {
                    last = head.sequence;
                    read.heads.push(head);
                }
                Err(fault) => read.faults.push(fault),
            }
        }
        read
    }

    fn head_of(&self, text: &str, line: usize, installation: Uuid) -> Result<AuditHead, HeadFault> {
        let said: Line = serde_json::from_str(text).map_err(|_| HeadFault::Unreadable { line })?;
        let signature = hex::decode(&said.signature)
            .ok()
            .and_then(|bytes| Signature::from_slice(&bytes).ok())
            .ok_or(HeadFault::Unreadable { line })?;
        if self.0.verify_strict(said.text().as_bytes(), &signature).is_err() {
            return Err(HeadFault::WrongSignature { line });
        }
        if said.installation != installation {
            return Err(HeadFault::OtherInstallation { line });
        }
        Ok(AuditHead {
            sequence: said.sequence,
            hash: said.hash,
        })
    }
}

impl std::fmt::Display for HeadPublicKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&hex::encode(self.0.to_bytes()))
    }
}

fn bytes_of(text: &str) -> anyhow::Result<[u8; 32]> {
    hex::decode(text.trim())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .context("a key is 64 hexadecimal digits")
}

/// Appends heads to a file.
#[derive(Clone)]
pub struct HeadWriter {
    database: Database,
    key: HeadKey,
    file: PathBuf,
}

impl HeadWriter {
    pub fn new(database: Database, key: HeadKey, file: PathBuf) -> Self {
        Self { database, key, file }
    }

    /// Appends where the trail stands now, unless that is what the file's last line says. Gives the number of its event.
    ///
    /// # Errors
    /// Where the database does not answer or the file cannot be written.
    pub async fn write(&self) -> anyhow::Result<Option<u64>> {
        let installation = self.database.installation().await?;
        let head = self.database.audit_head().await?;
        let Some((installation, head)) = installation.zip(head) else {
            return Ok(None);
        };
        let (sequence, mark) = (head.sequence, format!("\"hash\":\"{}\"", head.hash));
        // To microseconds, as it is written.
        let at = DateTime::from_timestamp_micros(Utc::now().timestamp_micros()).unwrap_or_default();
        let line = self.key.sign(installation, head, at)?;
        let file = self.file.clone();
        tokio::task::spawn_blocking(move || append(&file, &mark, &line))
            .await
            .context("the writer of heads ended")?
            .with_context(|| format!("failed to append to {}", self.file.display()))?;
        Ok(Some(sequence))
    }

    /// Appends heads every so often until `shutdown`, the first at once. What fails is tried again the next time.
    pub async fn run(self, every: Duration, shutdown: CancellationToken) {
        loop {
            if let Err(error) = self.write().await {
                tracing::error!(error = %format!("{error:#}"), "the head of the audit trail could not be written down");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
        }
    }
}

/// Longer than any line.
const LINE: u64 = 1024;

fn append(file: &Path, mark: &str, line: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(file)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LINE)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let end = String::from_utf8_lossy(&end);
    let last = end.lines().next_back().unwrap_or_default();
    if last.contains(mark) {
        return Ok(());
    }
    // After a line that a crash cut off begins a new one.
    let begin = if end.is_empty() || end.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    file.write_all(format!("{begin}{line}\n").as_bytes())?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

    fn head(sequence: u64) -> AuditHead {
        AuditHead {
            sequence,
            hash: format!("{sequence:064}"),
        }
    }

    fn signed(key: &HeadKey, installation: Uuid, sequences: &[u64]) -> Vec<String> {
        let at = DateTime::from_timestamp_micros(1_764_000_000_123_456).unwrap();
        sequences
            .iter()
            .map(|sequence| key.sign(installation, head(*sequence), at).unwrap())
            .collect()
    }

    #[test]
    fn the_key_of_rfc_8032_has_its_public_key() {
        // Section 7.1, test 1.
        assert_eq!(
            HeadKey::parse(KEY).unwrap().public().to_string(),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
        assert!(HeadKey::parse("short").is_err());
    }

    #[test]
    fn what_was_altered_moved_or_signed_by_others_is_named() {
        let key = HeadKey::parse(KEY).unwrap();
        let installation = Uuid::now_v7();
        let public = HeadPublicKey::parse(&key.public().to_string()).unwrap();
        let mut lines = signed(&key, installation, &[2, 5, 9]);
        let whole = public.read(&lines.join("\n"), installation);
        assert_eq!((whole.heads.len(), whole.faults.len()), (3, 0));
        assert_eq!(whole.heads[1], head(5));

        lines[1] = lines[1].replace("\"sequence\":5", "\"sequence\":6");
        lines.push("{\"sequence\":1".to_owned());
        lines.extend(signed(&key, Uuid::now_v7(), &[10]));
        lines.extend(signed(
            &HeadKey::parse(&"11".repeat(32)).unwrap(),
            installation,
            &[11],
        ));
        lines.extend(signed(&key, installation, &[3]));
        let read = public.read(&lines.join("\n"), installation);
        assert_eq!(read.heads, [head(2), head(9)]);
        assert_eq!(
            read.faults,
            [
                HeadFault::WrongSignature { line: 2 },
                HeadFault::Unreadable { line: 4 },
                HeadFault::OtherInstallation { line: 5 },
                HeadFault::WrongSignature { line: 6 },
                HeadFault::Backwards { line: 7 },
            ]
        );
    }

    #[test]
    fn a_line_is_appended_once_and_never_to_half_of_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("heads");
        for (mark, line) in [("a", "line a"), ("a", "line a again"), ("b", "line b")] {
            append(&file, mark, line).unwrap();
        }
        std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + "half of").unwrap();
        append(&file, "c", "line c").unwrap();
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            "line a\nline b\nhalf of\nline c\n"
        );
    }
}
