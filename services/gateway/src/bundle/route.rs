//! The models that act together.

use actix_web::get;
use actix_web::web::{Data, Json};

use crate::bundle::schema::BundleDescription;
use crate::gateway::Gateway;
use crate::openapi::Failures;
use crate::problem::ApiError;

/// Describes the model bundle: models with versions and hashes, labels, operating points.
#[utoipa::path(
    tag = "service",
    operation_id = "getBundle",
    responses((status = 200, description = "The bundle", body = BundleDescription), Failures)
)]
#[get("/api/bundle")]
pub(crate) async fn get_bundle(gateway: Data<Gateway>) -> Result<Json<BundleDescription>, ApiError> {
    Ok(Json(gateway.bundle()?))
}
