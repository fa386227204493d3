use chrono::{DateTime, Utc};
use norma_database::{Database, DatabaseError, ShadowAnswerRow, ShadowBundle};
use norma_domain::{BundleReference, ReasonCode};
use serde::{Deserialize, Serialize};

use super::answer::ShadowAnswer;
use super::compare::{Compared, ShadowComparison, comparisons};

/// Value of [`ShadowReport::schema`].
pub const SHADOW_SCHEMA: &str = "norma.shadow/v1";

/// `norma.shadow/v1`: what the second bundle said beside the one in use. Without patient data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShadowReport {
    pub schema: String,
    /// The second bundle. Null where none has answered yet.
    pub bundle: Option<BundleReference>,
    /// It is asked about what was answered from then on.
    pub since: Option<DateTime<Utc>>,
    /// When the process that reads was heard of last.
    pub seen_at: Option<DateTime<Utc>>,
    /// Why it does not read, such as a bundle that cannot be opened.
    pub problem: Option<String>,
    /// Of the studies answered since then: read by the second bundle too.
    pub answered: u64,
    /// Those that it could not read.
    pub failed: u64,
    /// Why, the most frequent reason first.
    #[serde(default)]
    pub failures: Vec<ShadowFailure>,
    /// Those that were left out because it did not come to them in time.
    pub missed: u64,
    /// Those that it has not come to yet.
    pub waiting: u64,
    /// Of the newest that it read, those in no comparison because another version of Norma noted them in words that this one does not know.
    #[serde(default)]
    pub unreadable: u64,
    /// Those in no comparison because their study was analysed again since.
    #[serde(default)]
    pub repeated: u64,
    /// Those in no comparison because only the newest are compared.
    #[serde(default)]
    pub older: u64,
    /// Each pair of bundles by itself, the newest first.
    pub comparisons: Vec<ShadowComparison>,
}

/// Studies that it could not read for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShadowFailure {
    pub reason: ReasonCode,
    pub studies: u64,
}

impl ShadowReport {
    /// Of the newest studies that the second bundle has read, at most so many.
    pub async fn read(database: &Database, newest: u32) -> Result<Self, DatabaseError> {
        let reader = database.shadow_reader().await?;
        let (seen_at, problem) = match &reader {
            Some(reader) => (Some(reader.seen_at), reader.problem.clone()),
            None => (None, None),
        };
        let said = Self {
            seen_at,
            problem,
            ..Self::default()
        };
        let Some(ShadowBundle { bundle, since }) = reader.and_then(|reader| reader.bundle) else {
            return Ok(said);
        };
        // Before they are counted: what is read meanwhile is not among them, and older than none.
        let rows = database.shadow_answers(bundle.sha256.clone(), newest).await?;
        let counts = database
            .shadow_counts(ShadowBundle {
                bundle: bundle.clone(),
                since,
            })
            .await?;
        let failures = database.shadow_failures(bundle.sha256.clone()).await?;
        let failures = failures
            .into_iter()
            .map(|(reason, studies)| ShadowFailure { reason, studies });
        let older = match u32::try_from(rows.len()) {
            Ok(read) if read < newest => 0,
            _ => counts.answered.saturating_sub(rows.len() as u64),
        };
        let (studies, unreadable) = readable(rows);
        let (comparisons, repeated) = comparisons(studies);
        Ok(Self {
            bundle: Some(bundle),
            since: Some(since),
            answered: counts.answered,
            failed: counts.failed,
            failures: failures.collect(),
            missed: counts.missed,
            waiting: counts.waiting,
            unreadable,
            repeated,
            older,
            comparisons,
            ..said
        })
    }
}

impl Default for ShadowReport {
    /// Of a second bundle that nobody ever named.
    fn default() -> Self {
        Self {
            schema: SHADOW_SCHEMA.to_owned(),
            bundle: None,
            since: None,
            seen_at: None,
            problem: None,
            answered: 0,
            failed: 0,
            failures: Vec::new(),
            missed: 0,
            waiting: 0,
            unreadable: 0,
            repeated: 0,
            older: 0,
            comparisons: Vec::new(),
        }
    }
}

/// What this version can read, and how many it cannot.
fn readable(rows: Vec<ShadowAnswerRow>) -> (Vec<Compared>, u64) {
    let all = rows.len();
    let read = rows.into_iter().filter_map(|row| {
        Some(Compared {
            scan_id: row.about.scan_id,
            analysis_id: row.about.analysis_id,
            read_at: row.noted_at,
            answer: serde_json::from_value::<ShadowAnswer>(row.answer?).ok()?,
        })
    });
    let read: Vec<Compared> = read.collect();
    let unreadable = all - read.len();
    (read, unreadable as u64)
}
