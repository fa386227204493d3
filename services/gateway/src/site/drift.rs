//! `/api/drift`: whether what comes in is still distributed as it was.

use actix_web::get;
use actix_web::web::{Data, Json};
use norma_site::DriftReport;

use crate::gateway::Gateway;
use crate::problem::ApiError;
use crate::problem::answers::Failures;
use crate::site::schema::DriftLook;

/// What a report worker saw when it looked last, which it does every hour: the last studies of each scanner beside those before them.
/// Without patient data.
#[utoipa::path(
    tag = "site",
    operation_id = "getDrift",
    responses((status = 200, description = "The last look", body = DriftLook), Failures)
)]
#[get("/api/drift")]
pub(crate) async fn get_drift(gateway: Data<Gateway>) -> Result<Json<DriftLook>, ApiError> {
    let Some(look) = gateway.database.drift_look().await? else {
        return Ok(Json(DriftLook::default()));
    };
    Ok(Json(DriftLook {
        looked_at: Some(look.looked_at),
        report: DriftReport::of_stored(look.report),
    }))
}
