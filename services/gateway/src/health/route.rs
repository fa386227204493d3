//! Health, readiness, metrics.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get};
use norma_domain::Role;

use crate::gateway::Gateway;
use crate::health::readiness::readiness;
use crate::health::schema::{Health, Readiness};
use crate::identity::Access;

/// Says that the process answers.
#[utoipa::path(
    tag = "service",
    operation_id = "live",
    responses((status = 200, description = "It answers", body = Health))
)]
#[get("/healthz")]
pub(crate) async fn live() -> Json<Health> {
    Json(Health {
        status: "ok".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// Says whether requests can be served. To operators and administrators per dependency, to others as a whole.
#[utoipa::path(
    tag = "service",
    operation_id = "ready",
    responses(
        (status = 200, description = "Every dependency answers", body = Readiness),
        (status = 503, description = "Some dependency does not answer", body = Readiness)
    )
)]
#[get("/readyz")]
pub(crate) async fn ready(gateway: Data<Gateway>, access: Access) -> HttpResponse {
    let mut answer = readiness(&gateway.context).await;
    let roles = access.caller.roles();
    if !(roles.contains(Role::Operator) || roles.contains(Role::Administrator)) {
        answer.dependencies.clear();
    }
    if answer.ready {
        HttpResponse::Ok().json(answer)
    } else {
        HttpResponse::ServiceUnavailable().json(answer)
    }
}

/// Gives the metrics in Prometheus' text format.
#[utoipa::path(
    tag = "service",
    operation_id = "metrics",
    responses((status = 200, description = "Prometheus' text format", body = String, content_type = "text/plain"))
)]
#[get("/metrics")]
pub(crate) async fn metrics(gateway: Data<Gateway>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(gateway.context.telemetry.render_metrics())
}
