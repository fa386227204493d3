//! A scan as it is answered.

use actix_web::HttpResponse;

use crate::gateway::Gateway;
use crate::http::freshness::version_tag;
use crate::problem::ApiError;
use crate::scans::schema::Scan;

/// A scan with what its files say.
pub(crate) async fn scan_document(gateway: &Gateway, scan: norma_database::Scan) -> Result<Scan, ApiError> {
    let mut identities = gateway.database.scan_identities(vec![scan.id]).await?;
    let identity = identities.remove(&scan.id);
    let mut predecessors = gateway.database.predecessors(vec![scan.id]).await?;
    Ok(Scan {
        predecessor: predecessors.remove(&scan.id),
        ..Scan::new(scan, identity)
    })
}

/// The same, with the version that `If-Match` may name.
pub(crate) async fn with_version(
    gateway: &Gateway,
    scan: norma_database::Scan,
) -> Result<HttpResponse, ApiError> {
    let latest = scan.latest_analysis_id.map(|id| id.to_string());
    let tag = version_tag(scan.updated_at, latest);
    let document = scan_document(gateway, scan).await?;
    Ok(HttpResponse::Ok().insert_header(tag).json(document))
}
