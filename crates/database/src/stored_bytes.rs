//! How much is stored, and how much is still to be written.

use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use norma_domain::AnalysisStatus;

use crate::schema::{analyses, dicom_studies, scans};
use crate::unfinished::is_unfinished;
use crate::{Database, DatabaseError, Owner};

/// Studies that were accepted and not prepared yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WaitingWork {
    pub studies: u64,
    /// Of all their originals.
    pub original_bytes: u64,
}

/// Studies that are stored, and the analyses that have written beside them or will.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoredWork {
    pub scans: u64,
    /// Of all originals.
    pub original_bytes: u64,
    /// Analyses that have not failed.
    pub analyses: u64,
    /// Of their originals: of one that was analysed twice, twice.
    pub analysed_bytes: u64,
    /// What indexes of instances take, with what they hold unpacked.
    pub index_bytes: u64,
}

impl Database {
    /// What is stored, of everybody or of one owner.
    pub async fn stored_work(&self, owner: Option<Owner>) -> Result<StoredWork, DatabaseError> {
        let owner = owner.map(String::from);
        let ((scans, original_bytes), (analyses, analysed_bytes), index_bytes) = self
            .run(move |connection| {
                // PostgreSQL sums BIGINT to NUMERIC.
                let sum = || sql::<BigInt>("CAST(COALESCE(SUM(scans.size_bytes), 0) AS BIGINT)");
                let analysed = analyses::table
                    .inner_join(scans::table.on(analyses::scan_id.eq(scans::id)))
                    .filter(analyses::status.ne(AnalysisStatus::Failed.as_str()))
                    .select((count_star(), sum()));
                let stored = scans::table.select((count_star(), sum()));
                let index_sum =
                    || sql::<BigInt>("CAST(COALESCE(SUM(dicom_studies.index_bytes), 0) AS BIGINT)");
                Ok(match owner {
                    Some(owner) => (
                        stored
                            .filter(scans::owner.eq(owner.clone()))
                            .first::<(i64, i64)>(connection)?,
                        analysed
                            .filter(scans::owner.eq(owner.clone()))
                            .first::<(i64, i64)>(connection)?,
                        dicom_studies::table
                            .inner_join(scans::table.on(dicom_studies::scan_id.eq(scans::id)))
                            .filter(scans::owner.eq(owner))
                            .select(index_sum())
                            .first::<i64>(connection)?,
                    ),
                    None => (
                        stored.first::<(i64, i64)>(connection)?,
                        analysed.first::<(i64, i64)>(connection)?,
                        dicom_studies::table
                            .select(index_sum())
                            .first::<i64>(connection)?,
                    ),
                })
            })
            .await?;
        let whole = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(StoredWork {
            scans: whole(scans),
            original_bytes: whole(original_bytes),
            analyses: whole(analyses),
            analysed_bytes: whole(analysed_bytes),
            index_bytes: whole(index_bytes),
        })
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
