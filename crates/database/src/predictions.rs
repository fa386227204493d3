//! Predictions: the scans of one upload without a patient, which may hold many studies.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use norma_domain::{Reason, ReasonCode, ScanId};
use uuid::Uuid;

use crate::analyses::AnalysisRow;
use crate::connection::{AnyConnection, MultiBackend};
use crate::repeatable_requests::{RequestKey, finish_request};
use crate::scans::ScanRow;
use crate::schema::{analyses, prediction_rejections, prediction_scans, predictions, scans};
use crate::sql_types::RowId;
use crate::suspicion::SuspicionGroup;
use crate::text::refuse_nul;
use crate::{Analysis, Database, DatabaseError, Listing, Owner, Page, Scan, time};

/// What came in one upload.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// In the order of the upload; those deleted since are left out.
    pub scans: Vec<PredictedScan>,
    /// Empty once every scan of the prediction was deleted: they name files of the same upload.
    pub rejections: Vec<Rejection>,
}

/// An upload to be noted.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPrediction {
    pub id: Uuid,
    /// In the order of the upload.
    pub scan_ids: Vec<ScanId>,
    pub rejections: Vec<Rejection>,
    /// Who uploads it.
    pub owner: Option<Owner>,
    /// Of the request, where it may be sent again: noted with the prediction or not at all.
    pub request: Option<RequestKey>,
}

/// An upload in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPrediction {
    pub id: Uuid,
    pub created_at: DateTime<Utc>,
    /// Those that were not deleted since.
    pub studies: u64,
    /// Studies whose analysis has not ended.
    pub pending: u64,
    /// Studies whose analysis failed.
    pub failed: u64,
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
    pub async fn create_prediction(&self, new: NewPrediction) -> Result<(), DatabaseError> {
        let NewPrediction {
            id,
            scan_ids,
            rejections,
            owner,
            request,
        } = new;
        for rejection in &rejections {
            refuse_nul("location", &rejection.location)?;
            refuse_nul("message", &rejection.reason.message)?;
        }
        self.change(move |connection| {
            diesel::insert_into(predictions::table)
                .values((
                    predictions::id.eq(RowId(id)),
                    predictions::owner.eq(owner.map(String::from)),
                    predictions::created_at.eq(time::to_row(time::now())),
                ))
                .execute(connection)?;
            if let Some(request) = request {
                finish_request(connection, request, RowId(id))?;
            }
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

    /// The uploads that have scans left, the newest first; of one owner if given.
    pub async fn list_predictions(
        &self,
        owner: Option<Owner>,
        page: Page,
    ) -> Result<Listing<ListedPrediction>, DatabaseError> {
        self.run(move |connection| {
            let mut wanted = predictions::table
                .select((predictions::id, predictions::created_at))
                .into_boxed::<MultiBackend>();
            let mut counted = predictions::table.count().into_boxed::<MultiBackend>();
            if let Some(owner) = owner.map(String::from) {
                wanted = wanted.filter(predictions::owner.eq(owner.clone()));
                counted = counted.filter(predictions::owner.eq(owner));
            }
            let rows: Vec<(RowId, chrono::NaiveDateTime)> = wanted
                .order(predictions::id.desc())
                .limit(page.limit.into())
                .offset(page.offset.into())
                .load(connection)?;
            let ids: Vec<RowId> = rows.iter().map(|(id, _)| *id).collect();
            let groups: Vec<(RowId, i32)> = prediction_scans::table
                .inner_join(scans::table.on(prediction_scans::scan_id.eq(scans::id)))
                .filter(prediction_scans::prediction_id.eq_any(&ids))
                .select((prediction_scans::prediction_id, scans::suspicion_group))
                .load(connection)?;
            let items = rows.into_iter().map(|(id, created_at)| {
                let of_this = || groups.iter().filter(|(of, _)| *of == id).map(|(_, group)| *group);
                let count = |is: fn(i32) -> bool| of_this().filter(|group| is(*group)).count() as u64;
                ListedPrediction {
                    id: id.0,
                    created_at: time::from_row(created_at),
                    studies: of_this().count() as u64,
                    pending: count(SuspicionGroup::is_pending),
                    failed: count(SuspicionGroup::is_failed),
                }
            });
            Ok(Listing::new(items.collect(), counted.get_result(connection)?))
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
            diesel::delete(predictions::table.find(prediction)).execute(connection)?;
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
