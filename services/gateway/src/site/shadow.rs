//! `/api/shadow`: what a second bundle says beside the one in use.

use actix_web::get;
use actix_web::web::{Data, Json};
use norma_site::ShadowReport;

use crate::gateway::Gateway;
use crate::problem::ApiError;
use crate::problem::answers::Failures;

/// Studies that both bundles read, the newest first: reading more takes longer than a request may. The command line takes more.
const NEWEST: u32 = 2000;

/// Where the verdicts of a second bundle, which reads what was answered without being shown, differ from the shown ones: counts, by scanner
/// and study. Without patient data.
#[utoipa::path(
    tag = "site",
    operation_id = "getShadow",
    responses((status = 200, description = "What the second bundle said", body = ShadowReport), Failures)
)]
#[get("/api/shadow")]
pub(crate) async fn get_shadow(gateway: Data<Gateway>) -> Result<Json<ShadowReport>, ApiError> {
    Ok(Json(ShadowReport::read(&gateway.database, NEWEST).await?))
}
