//! Changes of analyses in an order that the database gives, for whoever follows them.
//!
//! A change leaves its analysis without a number (a trigger sees to that); whoever asks for changes numbers first what
//! waits, one process at a time. So a number is given after the change was committed: who has seen number n has missed
//! nothing below it, whatever the clocks of the machines say and however long a transaction took.

use diesel::prelude::*;

use crate::analyses::{AnalysisRow, with_stages};
use crate::connection::AnyConnection;
use crate::schema::{analyses, change_head};
use crate::sql_types::RowId;
use crate::{AnalysisProgress, Database, DatabaseError};

/// Analyses that are numbered in one transaction.
const NUMBERED_AT_ONCE: i64 = 500;

/// An analysis as it is after its latest change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalysisChange {
    /// Of the latest change: grows from change to change, over all analyses.
    pub sequence: u64,
    pub progress: AnalysisProgress,
}

impl Database {
    /// The number of the latest change; 0 before the first.
    pub async fn latest_change(&self) -> Result<u64, DatabaseError> {
        self.number_changes().await?;
        let head = self
            .run(|connection| {
                Ok(change_head::table
                    .find(1)
                    .select(change_head::sequence)
                    .first::<i64>(connection)?)
            })
            .await?;
        Ok(u64::try_from(head).unwrap_or_default())
    }

    /// The analyses that changed after that number, by the number of their latest change, at most `limit`. Several
    /// changes of one analysis are one.
    pub async fn changes_after(
        &self,
        sequence: u64,
        limit: u32,
    ) -> Result<Vec<AnalysisChange>, DatabaseError> {
        self.number_changes().await?;
        let after = i64::try_from(sequence).unwrap_or(i64::MAX);
        self.run(move |connection| {
            let rows: Vec<(Option<i64>, AnalysisRow)> = analyses::table
                .filter(analyses::change_sequence.gt(after))
                .order(analyses::change_sequence)
                .limit(limit.into())
                .select((analyses::change_sequence, AnalysisRow::as_select()))
                .load(connection)?;
            let (sequences, rows): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
            let changes = sequences.into_iter().zip(with_stages(connection, rows)?);
            Ok(changes
                .map(|(sequence, progress)| AnalysisChange {
                    sequence: sequence
                        .and_then(|sequence| u64::try_from(sequence).ok())
                        .unwrap_or_default(),
                    progress,
                })
                .collect())
        })
        .await
    }

    async fn number_changes(&self) -> Result<(), DatabaseError> {
        loop {
            // Mostly nothing waits, and nothing is written then.
            let waiting = self
                .run(|connection| {
                    Ok(analyses::table
                        .filter(analyses::change_sequence.is_null())
                        .select(analyses::id)
                        .first::<RowId>(connection)
                        .optional()?)
                })
                .await?;
            if waiting.is_none() {
                return Ok(());
            }
            if self.change(number_some).await? < NUMBERED_AT_ONCE {
                return Ok(());
            }
        }
    }
}

/// Gives numbers to changes that wait; says to how many.
fn number_some(connection: &mut AnyConnection) -> Result<i64, DatabaseError> {
    let head = change_head::table.find(1).select(change_head::sequence);
    let waiting = analyses::table
        .filter(analyses::change_sequence.is_null())
        .order((analyses::updated_at, analyses::id))
        .limit(NUMBERED_AT_ONCE)
        .select(analyses::id);
    let (head, waiting): (i64, Vec<RowId>) = match connection {
        AnyConnection::Postgres(inner) => (
            head.for_update().first(inner)?,
            // What is being changed this moment gets its number after that.
            waiting.for_update().skip_locked().load(inner)?,
        ),
        // The transaction is the only writer.
        AnyConnection::Sqlite(inner) => (head.first(inner)?, waiting.load(inner)?),
    };
    let mut sequence = head;
    for id in &waiting {
        sequence += 1;
        diesel::update(analyses::table.find(id))
            .set(analyses::change_sequence.eq(sequence))
            .execute(connection)?;
    }
    if sequence > head {
        diesel::update(change_head::table.find(1))
            .set(change_head::sequence.eq(sequence))
            .execute(connection)?;
    }
    Ok(sequence - head)
}
