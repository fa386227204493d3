use chrono::{DateTime, Utc};
use norma_database::{Database, DatabaseError, ShadowBundle, ShadowCounts};
use norma_domain::BundleReference;
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
    /// Those that were left out because it did not come to them in time.
    pub missed: u64,
    /// Those that it has not come to yet.
    pub waiting: u64,
    /// Each pair of bundles by itself, the newest first.
    pub comparisons: Vec<ShadowComparison>,
}

impl ShadowReport {
    /// Of the newest studies that the second bundle has read, at most so many.
    pub async fn read(database: &Database, newest: u32) -> Result<Self, DatabaseError> {
        let reader = database.shadow_reader().await?;
        let (seen_at, problem) = match &reader {
            Some(reader) => (Some(reader.seen_at), reader.problem.clone()),
            None => (None, None),
        };
        let Some(bundle) = reader.and_then(|reader| reader.bundle) else {
            return Ok(Self::of(
                None,
                ShadowCounts::default(),
                Vec::new(),
                seen_at,
                problem,
            ));
        };
        let counts = database.shadow_counts(bundle.clone()).await?;
        let rows = database
            .shadow_answers(bundle.bundle.sha256.clone(), newest)
            .await?;
        // What a newer version has noted in words of its own is left out.
        let studies = rows.into_iter().filter_map(|row| {
            let answer: ShadowAnswer = serde_json::from_value(row.answer).ok()?;
            Some(Compared {
                scan_id: row.about.scan_id,
                analysis_id: row.about.analysis_id,
                read_at: row.noted_at,
                answer,
            })
        });
        let comparisons = comparisons(studies.collect());
        Ok(Self::of(Some(bundle), counts, comparisons, seen_at, problem))
    }

    fn of(
        bundle: Option<ShadowBundle>,
        counts: ShadowCounts,
        comparisons: Vec<ShadowComparison>,
        seen_at: Option<DateTime<Utc>>,
        problem: Option<String>,
    ) -> Self {
        Self {
            schema: SHADOW_SCHEMA.to_owned(),
            since: bundle.as_ref().map(|bundle| bundle.since),
            bundle: bundle.map(|bundle| bundle.bundle),
            seen_at,
            problem,
            answered: counts.answered,
            failed: counts.failed,
            missed: counts.missed,
            waiting: counts.waiting,
            comparisons,
        }
    }
}
