//! Predictions: the scans of one upload without a patient, which may hold many studies.

use diesel::prelude::*;
use norma_domain::ScanId;
use uuid::Uuid;

use crate::analyses::AnalysisRow;
use crate::scans::ScanRow;
use crate::schema::{analyses, prediction_scans, scans};
use crate::sql_types::RowId;
use crate::{Analysis, Database, DatabaseError, Scan};

/// One scan of a prediction with its latest analysis.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedScan {
    pub scan: Scan,
    pub analysis: Option<Analysis>,
}

#[derive(Insertable)]
#[diesel(table_name = prediction_scans)]
struct PredictionScanRow {
    prediction_id: RowId,
    position: i32,
    scan_id: RowId,
}

impl Database {
    /// Notes which scans came in one upload, in their order.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] where one of the scans does not exist.
    pub async fn create_prediction(&self, id: Uuid, scan_ids: Vec<ScanId>) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            let rows = (0..).zip(scan_ids).map(|(position, scan_id)| PredictionScanRow {
                prediction_id: RowId(id),
                position,
                scan_id: scan_id.into(),
            });
            for row in rows {
                diesel::insert_into(prediction_scans::table)
                    .values(row)
                    .execute(connection)
                    .map_err(|error| match DatabaseError::from(error) {
                        DatabaseError::ForeignKeyViolation { .. } => DatabaseError::NotFound("scan"),
                        other => other,
                    })?;
            }
            Ok(())
        })
        .await
    }

    /// The scans of a prediction in their order, those deleted since left out; empty where there is none.
    pub async fn prediction(&self, id: Uuid) -> Result<Vec<PredictedScan>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<(ScanRow, Option<AnalysisRow>)> = prediction_scans::table
                .inner_join(scans::table.on(prediction_scans::scan_id.eq(scans::id)))
                .left_join(analyses::table.on(scans::latest_analysis_id.eq(analyses::id.nullable())))
                .filter(prediction_scans::prediction_id.eq(RowId(id)))
                .order(prediction_scans::position)
                .select((ScanRow::as_select(), Option::<AnalysisRow>::as_select()))
                .load(connection)?;
            rows.into_iter()
                .map(|(scan, analysis)| {
                    Ok(PredictedScan {
                        scan: scan.try_into()?,
                        analysis: analysis.map(Analysis::try_from).transpose()?,
                    })
                })
                .collect()
        })
        .await
    }
}
