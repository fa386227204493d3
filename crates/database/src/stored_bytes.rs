//! How much is stored, and how much is still to be written.

use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use norma_domain::AnalysisStatus;

use crate::analyses::is_unfinished;
use crate::schema::{analyses, scans};
use crate::{Database, DatabaseError};

/// Studies that were accepted and not prepared yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WaitingWork {
    pub studies: u64,
    /// Of all their originals.
    pub original_bytes: u64,
}

impl Database {
    /// Bytes of all originals together.
    pub async fn stored_bytes(&self) -> Result<u64, DatabaseError> {
        let sum = self
            .run(|connection| {
                // PostgreSQL sums BIGINT to NUMERIC.
                let sum = sql::<BigInt>("CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT)");
                Ok(scans::table.select(sum).first::<i64>(connection)?)
            })
            .await?;
        Ok(u64::try_from(sum).unwrap_or(0))
    }

    /// The studies whose analysis has not written its volume yet.
    pub async fn waiting_work(&self) -> Result<WaitingWork, DatabaseError> {
        let (studies, original_bytes) = self
            .run(|connection| {
                let unprepared =
                    [AnalysisStatus::Queued, AnalysisStatus::Preparing].map(AnalysisStatus::as_str);
                // PostgreSQL sums BIGINT to NUMERIC.
                let sum = sql::<BigInt>("CAST(COALESCE(SUM(scans.size_bytes), 0) AS BIGINT)");
                Ok(analyses::table
                    .inner_join(scans::table.on(analyses::scan_id.eq(scans::id)))
                    .filter(is_unfinished())
                    .filter(analyses::status.eq_any(unprepared))
                    .select((count_star(), sum))
                    .first::<(i64, i64)>(connection)?)
            })
            .await?;
        Ok(WaitingWork {
            studies: u64::try_from(studies).unwrap_or(0),
            original_bytes: u64::try_from(original_bytes).unwrap_or(0),
        })
    }
}
