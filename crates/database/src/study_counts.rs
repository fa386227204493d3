//! How many instances of a study came, of how many, by who was to say so.

use diesel::prelude::*;
use norma_domain::{InstanceCount, ScanId};

use crate::node_schema::study_counts;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = study_counts, treat_none_as_default_value = false)]
struct Row {
    scan_id: RowId,
    came: i32,
    expected: Option<i32>,
    counted_by: String,
}

impl TryFrom<Row> for InstanceCount {
    type Error = DatabaseError;

    fn try_from(row: Row) -> Result<Self, DatabaseError> {
        let corrupt = |column| DatabaseError::CorruptRow {
            table: "study_counts",
            column,
        };
        let expected = row.expected.map(u32::try_from).transpose();
        Ok(Self {
            came: u32::try_from(row.came).map_err(|_| corrupt("came"))?,
            expected: expected.map_err(|_| corrupt("expected"))?,
            counted_by: row.counted_by.parse().map_err(|_| corrupt("counted_by"))?,
        })
    }
}

impl Database {
    /// Notes how many instances of a scan's study came, in place of what was noted before.
    ///
    /// # Errors
    /// [`DatabaseError::ForeignKeyViolation`] where there is no such scan.
    pub async fn note_instance_count(
        &self,
        scan_id: ScanId,
        count: InstanceCount,
    ) -> Result<(), DatabaseError> {
        let storable = |number| i32::try_from(number).map_err(|_| DatabaseError::NotStorable("instances"));
        let row = Row {
            scan_id: scan_id.into(),
            came: storable(count.came)?,
            expected: count.expected.map(storable).transpose()?,
            counted_by: count.counted_by.as_str().to_owned(),
        };
        self.change(move |connection| {
            diesel::delete(study_counts::table.find(row.scan_id)).execute(connection)?;
            diesel::insert_into(study_counts::table)
                .values(&row)
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// None where nobody was to count.
    pub async fn instance_count(&self, scan_id: ScanId) -> Result<Option<InstanceCount>, DatabaseError> {
        self.run(move |connection| {
            let row: Option<Row> = study_counts::table
                .find(RowId::from(scan_id))
                .select(Row::as_select())
                .first(connection)
                .optional()?;
            row.map(InstanceCount::try_from).transpose()
        })
        .await
    }
}
