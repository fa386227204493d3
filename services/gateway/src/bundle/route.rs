//! The models that act together.

use actix_web::get;
use actix_web::web::{Data, Json};

use crate::bundle::describe::describe_bundle;
use crate::bundle::running::RunningBundle;
use crate::bundle::schema::BundleDescription;
use crate::problem::ApiError;
use crate::problem::answers::Failures;

/// Describes the model bundle as it answers now: models with versions and hashes, labels, operating points with the thresholds that act.
#[utoipa::path(
    tag = "service",
    operation_id = "getBundle",
    responses((status = 200, description = "The bundle", body = BundleDescription), Failures)
)]
#[get("/api/bundle")]
pub(crate) async fn get_bundle(bundle: Data<RunningBundle>) -> Result<Json<BundleDescription>, ApiError> {
    Ok(Json(describe_bundle(&bundle.in_use().await?.bundle)))
}
