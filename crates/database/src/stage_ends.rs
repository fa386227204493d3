//! How far the stages of an analysis are, without what they found.

use diesel::prelude::*;
use norma_domain::{AnalysisId, Stage};

use crate::schema::stage_results;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError};

/// A stage whose outcome is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageEnd {
    pub stage: Stage,
    pub is_failure: bool,
    /// Compute time; None of a failure.
    pub duration_ms: Option<u64>,
}

impl Database {
    /// The stages of an analysis that have ended (preprocess included), in the order of their end.
    pub async fn stage_ends(&self, id: AnalysisId) -> Result<Vec<StageEnd>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<(String, Option<i64>)> = stage_results::table
                .filter(stage_results::analysis_id.eq(RowId::from(id)))
                .order((stage_results::created_at, stage_results::stage))
                .select((stage_results::stage, stage_results::duration_ms))
                .load(connection)?;
            Ok(rows
                .into_iter()
                .filter_map(|(stage, duration_ms)| {
                    Some(StageEnd {
                        // A stage that only a newer version has is none of this one's.
                        stage: stage.parse().ok()?,
                        // Only an outcome of success is stored with its duration.
                        is_failure: duration_ms.is_none(),
                        duration_ms: duration_ms.and_then(|duration| u64::try_from(duration).ok()),
                    })
                })
                .collect())
        })
        .await
    }
}
