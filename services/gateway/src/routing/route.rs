//! `/api/routing`: which studies are analysed and how, and where their results go.

use actix_web::get;
use actix_web::web::{Data, Json};

use crate::problem::ApiError;
use crate::problem::answers::Failures;
use crate::routing::router::Router;
use crate::routing::schema::RoutingRules;

/// Lists the rules of the settings `routing.rules`: the first that fits a study decides; where none does, it is analysed.
#[utoipa::path(
    tag = "connections",
    operation_id = "listRoutingRules",
    responses((status = 200, description = "The rules", body = RoutingRules), Failures)
)]
#[get("/api/routing/rules")]
pub(crate) async fn list_rules(router: Data<Router>) -> Result<Json<RoutingRules>, ApiError> {
    let items = router.rules().all().iter().map(Into::into).collect();
    Ok(Json(RoutingRules { items }))
}
