//! `/api/pacs/connections`, `/api/pacs/arrivals`: the systems that this node speaks with, and the studies that come.

use actix_web::web::{Data, Json, Path};
use actix_web::{get, post};

use crate::connections::peers::{Connections, PeerWay};
use crate::connections::schema::{ArrivingStudies, Connection, ConnectionList, EchoAnswer};
use crate::gateway::Gateway;
use crate::problem::answers::{BadRequest, Conflict, Failures, NotFound};
use crate::problem::{ApiError, PullProblem};

/// Lists the systems of the settings `pacs.sources` and `pacs.destinations` with how they have answered, and who has sent studies.
#[utoipa::path(
    tag = "connections",
    operation_id = "listConnections",
    responses((status = 200, description = "The systems", body = ConnectionList), Failures)
)]
#[get("/api/pacs/connections")]
pub(crate) async fn list_connections(
    gateway: Data<Gateway>,
    connections: Data<Connections>,
) -> Result<Json<ConnectionList>, ApiError> {
    let mut items = Vec::new();
    for peer in connections.peers() {
        let name = peer.name.clone();
        let contact = match peer.way {
            PeerWay::Source => gateway.database.source_contact(name).await?,
            PeerWay::Destination => gateway.database.destination_contact(name).await?,
        };
        items.push(Connection::of(peer, contact));
    }
    let callers = gateway.database.pacs_callers().await?;
    Ok(Json(ConnectionList {
        node: connections.node.as_ref().map(Into::into),
        items,
        callers: callers.into_iter().map(Into::into).collect(),
    }))
}

/// Asks a system whether it is there and lets this node in (C-ECHO), at once: 20 s at most.
#[utoipa::path(
    tag = "connections",
    operation_id = "echoConnection",
    params(("way" = PeerWay, Path), ("name" = String, Path, description = "A name of the settings")),
    responses(
        (status = 200, description = "What came of it", body = EchoAnswer),
        BadRequest, NotFound, Conflict, Failures
    )
)]
#[post("/api/pacs/connections/{way}/{name}/echo")]
pub(crate) async fn echo_connection(
    connections: Data<Connections>,
    path: Path<(PeerWay, String)>,
) -> Result<Json<EchoAnswer>, ApiError> {
    let (way, name) = path.into_inner();
    let peer = connections.peer(way, &name);
    let peer = peer.ok_or(PullProblem::UnknownConnection)?;
    let echo = peer.echo().await.ok_or(PullProblem::NoEcho)?;
    Ok(Json(echo.into()))
}

/// Lists the studies that come by C-STORE and are not complete yet, with what each waits for; as of a few seconds ago.
#[utoipa::path(
    tag = "connections",
    operation_id = "listArrivals",
    responses((status = 200, description = "The studies", body = ArrivingStudies), Failures)
)]
#[get("/api/pacs/arrivals")]
pub(crate) async fn list_arrivals(gateway: Data<Gateway>) -> Result<Json<ArrivingStudies>, ApiError> {
    let studies = gateway.database.arriving_studies().await?;
    Ok(Json(ArrivingStudies {
        items: studies.into_iter().map(Into::into).collect(),
    }))
}
