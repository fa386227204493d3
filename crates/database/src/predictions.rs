//! Predictions: the scans of one upload without a patient, which may hold many studies.

use diesel::prelude::*;
use norma_domain::{Reason, ReasonCode, ScanId};
use uuid::Uuid;

use crate::analyses::AnalysisRow;
use crate::connection::AnyConnection;
use crate::scans::ScanRow;
use crate::schema::{analyses, prediction_rejections, prediction_scans, scans};
use crate::sql_types::RowId;
use crate::text::refuse_nul;
use crate::{Analysis, Database, DatabaseError, Scan, time};

/// What came in one upload.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// In the order of the upload; those deleted since are left out.
    pub scans: Vec<PredictedScan>,
    /// Empty once every scan of the prediction was deleted: they name files of the same upload.
    pub rejections: Vec<Rejection>,
}

/// One scan of a prediction with its latest analysis.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedScan {
    pub scan: Scan,
    pub analysis: Option<Analysis>,
}

/// A file of the upload that cannot be read and belongs to none of its studies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Where it lies in the upload. May name a person: not for logs.
    pub location: String,
    pub reason: Reason,
}

#[derive(Insertable)]
#[diesel(table_name = prediction_scans)]
struct PredictionScanRow {
    prediction_id: RowId,
    position: i32,
    scan_id: RowId,
}

#[derive(Insertable)]
#[diesel(table_name = prediction_rejections)]
struct PredictionRejectionRow {
    prediction_id: RowId,
    position: i32,
    location: String,
    code: &'static str,
    message: String,
    created_at: chrono::NaiveDateTime,
}

impl Database {
    /// Notes what came in one upload, in its order.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] where one of the scans does not exist.
    pub async fn create_prediction(
        &self,
        id: Uuid,
        scan_ids: Vec<ScanId>,
        rejections: Vec<Rejection>,
    ) -> Result<(), DatabaseError> {
        for rejection in &rejections {
            refuse_nul("location", &rejection.location)?;
            refuse_nul("message", &rejection.reason.message)?;
        }
        self.change(move |connection| {
            for (position, scan_id) in (0..).zip(scan_ids) {
                let row = PredictionScanRow {
                    prediction_id: RowId(id),
                    position,
                    scan_id: scan_id.into(),
                };
                diesel::insert_into(prediction_scans::table)
                    .values(row)
                    .execute(connection)
                    .map_err(|error| match DatabaseError::from(error) {
                        DatabaseError::ForeignKeyViolation { .. } => DatabaseError::NotFound("scan"),
                        other => other,
                    })?;
            }
            for (position, rejection) in (0..).zip(rejections) {
                let row = PredictionRejectionRow {
                    prediction_id: RowId(id),
                    position,
                    location: rejection.location,
                    code: rejection.reason.code.as_str(),
                    message: rejection.reason.message,
                    created_at: time::to_row(time::now()),
                };
                diesel::insert_into(prediction_rejections::table)
                    .values(row)
                    .execute(connection)?;
            }
            Ok(())
        })
        .await
    }

    /// What came in one upload; None where there was none of that id, or all of its scans were deleted.
    pub async fn prediction(&self, id: Uuid) -> Result<Option<Prediction>, DatabaseError> {
        self.run(move |connection| {
            let scans = find_scans(connection, id)?;
            if scans.is_empty() {
                return Ok(None);
            }
            let rejections = find_rejections(connection, id)?;
            Ok(Some(Prediction { scans, rejections }))
        })
        .await
    }
}

/// The predictions that a scan belongs to.
pub(crate) fn predictions_of(
    connection: &mut AnyConnection,
    scan_id: RowId,
) -> Result<Vec<RowId>, DatabaseError> {
    Ok(prediction_scans::table
        .filter(prediction_scans::scan_id.eq(scan_id))
        .select(prediction_scans::prediction_id)
        .load(connection)?)
}

/// Deletes what is kept of the predictions that have no scan left: a rejection names a file of the same upload.
pub(crate) fn delete_empty_predictions(
    connection: &mut AnyConnection,
    predictions: &[RowId],
) -> Result<(), DatabaseError> {
    for prediction in predictions {
        let scans_left: i64 = prediction_scans::table
            .filter(prediction_scans::prediction_id.eq(prediction))
            .count()
            .get_result(connection)?;
        if scans_left == 0 {
            let rejections =
                prediction_rejections::table.filter(prediction_rejections::prediction_id.eq(prediction));
            diesel::delete(rejections).execute(connection)?;
        }
    }
    Ok(())
}

fn find_scans(connection: &mut AnyConnection, id: Uuid) -> Result<Vec<PredictedScan>, DatabaseError> {
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
}

fn find_rejections(connection: &mut AnyConnection, id: Uuid) -> Result<Vec<Rejection>, DatabaseError> {
    let rows: Vec<(String, String, String)> = prediction_rejections::table
        .filter(prediction_rejections::prediction_id.eq(RowId(id)))
        .order(prediction_rejections::position)
        .select((
            prediction_rejections::location,
            prediction_rejections::code,
            prediction_rejections::message,
        ))
        .load(connection)?;
    Ok(rows
        .into_iter()
        .map(|(location, code, message)| {
            // A code of a newer version.
            let code = code.parse().unwrap_or(ReasonCode::Internal);
            Rejection {
                location,
                reason: Reason::new(code, message),
            }
        })
        .collect())
}
