//! `/api/deliveries`: results on their way to a PACS.

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{get, post};
use norma_database::{DeliveryQuery, SentAgain};
use norma_domain::{AnalysisId, DeliveryId};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::deliveries::schema::{Delivery, DeliveryDestinations, DeliveryState, QueuedAgain};
use crate::gateway::Gateway;
use crate::http::paging::{Page, Paging};
use crate::http::search::checked_text;
use crate::problem::ApiError;
use crate::problem::answers::{BadRequest, Conflict, Failures, NotFound};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryFilter {
    #[param(inline)]
    state: Option<DeliveryState>,
    /// A name of the settings `pacs.destinations`.
    #[param(max_length = 200)]
    destination: Option<String>,
    analysis_id: Option<AnalysisId>,
}

/// Lists results on their way to the destinations of the settings `pacs.destinations`, the newest first, delivered ones too.
#[utoipa::path(
    tag = "deliveries",
    operation_id = "listDeliveries",
    params(DeliveryFilter, Paging),
    responses((status = 200, description = "A part of the list", body = Page<Delivery>), BadRequest, Failures)
)]
#[get("/api/deliveries")]
pub(crate) async fn list_deliveries(
    gateway: Data<Gateway>,
    filter: Query<DeliveryFilter>,
    paging: Query<Paging>,
) -> Result<Json<Page<Delivery>>, ApiError> {
    let filter = filter.into_inner();
    let query = DeliveryQuery {
        state: filter.state.map(Into::into),
        destination: checked_text("destination", filter.destination)?,
        analysis_id: filter.analysis_id,
    };
    let listing = gateway.database.list_deliveries(query, paging.part()).await?;
    Ok(Json(paging.page_of(listing)))
}

/// Sends a result again, at once: of one that failed the objects that the destination does not have, of one that was delivered
/// all. They have the UIDs that they had: a PACS that has them has them once.
#[utoipa::path(
    tag = "deliveries",
    operation_id = "sendDeliveryAgain",
    params(("delivery_id" = DeliveryId, Path)),
    responses(
        (status = 200, description = "Queued again", body = Delivery),
        BadRequest, NotFound, Conflict, Failures
    )
)]
#[post("/api/deliveries/{delivery_id}/send-again")]
pub(crate) async fn send_delivery_again(
    gateway: Data<Gateway>,
    delivery_id: Path<DeliveryId>,
) -> Result<Json<Delivery>, ApiError> {
    match gateway.database.send_delivery_again(*delivery_id).await? {
        Some(SentAgain::Queued(delivery)) => Ok(Json((*delivery).into())),
        Some(SentAgain::Waiting) => Err(ApiError::DeliveryWaiting),
        None => Err(ApiError::DeliveryNotFound),
    }
}

/// Lists the destinations of the settings `pacs.destinations` with what waits for each and what failed.
#[utoipa::path(
    tag = "deliveries",
    operation_id = "listDeliveryDestinations",
    responses((status = 200, description = "The destinations", body = DeliveryDestinations), Failures)
)]
#[get("/api/deliveries/destinations")]
pub(crate) async fn list_delivery_destinations(
    gateway: Data<Gateway>,
) -> Result<Json<DeliveryDestinations>, ApiError> {
    let destinations = gateway.database.delivery_destinations().await?;
    let items = destinations.into_iter().map(Into::into).collect();
    Ok(Json(DeliveryDestinations { items }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FailedDeliveries {
    /// A name of the settings `pacs.destinations`; every destination where none is named.
    #[param(max_length = 200)]
    destination: Option<String>,
}

/// Sends every result again that has failed, at once: of a destination, or of all.
#[utoipa::path(
    tag = "deliveries",
    operation_id = "sendFailedDeliveriesAgain",
    params(FailedDeliveries),
    responses((status = 200, description = "How many were queued again", body = QueuedAgain), BadRequest, Failures)
)]
#[post("/api/deliveries/send-again")]
pub(crate) async fn send_failed_deliveries_again(
    gateway: Data<Gateway>,
    failed: Query<FailedDeliveries>,
) -> Result<Json<QueuedAgain>, ApiError> {
    let destination = checked_text("destination", failed.into_inner().destination)?;
    let queued = gateway.database.send_failed_deliveries_again(destination).await?;
    Ok(Json(QueuedAgain { queued }))
}
