//! Analyses of scans and their reports.

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, get, post};
use norma_domain::{AnalysisId, Report, ScanId};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::gateway::Gateway;
use crate::negotiation::RowFormat;
use crate::openapi::{BadRequest, Failures, NotAcceptable, NotFound, Running, Unprocessable};
use crate::paging::{Limit, Offset, Page};
use crate::problem::ApiError;
use crate::schema::Analysis;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AnalyzeOptions {
    /// Name of an operating point of the bundle (`GET /api/bundle`); its default where absent.
    operating_point: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportOptions {
    /// Instead of an `Accept` header.
    format: Option<RowFormat>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AnalysisPaging {
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Limit,
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 0, maximum = 2147483647, default = 0)]
    offset: Offset,
}

/// Requests an analysis of a scan.
///
/// While one runs, the same request answers that one. `Prefer: wait=60` waits for the end and answers 200.
#[utoipa::path(
    tag = "analyses",
    operation_id = "analyzeScan",
    params(
        ("scan_id" = ScanId, Path),
        AnalyzeOptions,
        ("Prefer" = Option<String>, Header, description = "`wait=60`: seconds to wait for the end (RFC 7240)"),
    ),
    responses(
        (status = 202, description = "Requested, or running already", body = Analysis,
            headers(("Location" = String, description = "Where the analysis is"))),
        (status = 200, description = "It ended within the preferred wait", body = Analysis,
            headers(("Preference-Applied" = String))),
        BadRequest, NotFound, Unprocessable, Failures
    )
)]
#[post("/api/scans/{scan_id}/analyze")]
pub(crate) async fn analyze_scan(
    gateway: Data<Gateway>,
    request: HttpRequest,
    scan_id: Path<ScanId>,
    options: Query<AnalyzeOptions>,
) -> Result<HttpResponse, ApiError> {
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
}

/// Lists a scan's analyses, newest first.
#[utoipa::path(
    tag = "analyses",
    operation_id = "listScanAnalyses",
    params(("scan_id" = ScanId, Path), AnalysisPaging),
    responses(
        (status = 200, description = "A part of the list", body = Page<Analysis>),
        BadRequest, NotFound, Failures
    )
)]
#[get("/api/scans/{scan_id}/analyses")]
pub(crate) async fn list_scan_analyses(
    gateway: Data<Gateway>,
    scan_id: Path<ScanId>,
    paging: Query<AnalysisPaging>,
) -> Result<Json<Page<Analysis>>, ApiError> {
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
}

/// Gives the report of a scan's latest analysis; a superset of the reference service's `{rows, summary}`.
///
/// 404 `not_analyzed` before the first analysis, 409 `analysis_running` with its state while it runs, 422
/// `analysis_failed` with the reason and a row of status `Failure` when it failed.
#[utoipa::path(
    tag = "analyses",
    operation_id = "getScanReport",
    params(("scan_id" = ScanId, Path), ReportOptions),
    responses(
        (status = 200, description = "The report; as CSV or XLSX only its rows", content(
            (Report = "application/json"),
            (String = "text/csv"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        BadRequest, NotFound, NotAcceptable, Running, Unprocessable, Failures
    )
)]
#[get("/api/scans/{scan_id}/report")]
pub(crate) async fn get_scan_report(
    gateway: Data<Gateway>,
    request: HttpRequest,
    scan_id: Path<ScanId>,
    options: Query<ReportOptions>,
) -> Result<HttpResponse, ApiError> {
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
}

/// Gives an analysis: its state, how far each stage is, and the verdict once there is one.
#[utoipa::path(
    tag = "analyses",
    operation_id = "getAnalysis",
    params(("analysis_id" = AnalysisId, Path)),
    responses((status = 200, description = "The analysis", body = Analysis), BadRequest, NotFound, Failures)
)]
#[get("/api/analyses/{analysis_id}")]
pub(crate) async fn get_analysis(
    gateway: Data<Gateway>,
    analysis_id: Path<AnalysisId>,
) -> Result<Json<Analysis>, ApiError> {
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
}

/// Gives the report of one analysis; otherwise as the report of a scan.
#[utoipa::path(
    tag = "analyses",
    operation_id = "getAnalysisReport",
    params(("analysis_id" = AnalysisId, Path), ReportOptions),
    responses(
        (status = 200, description = "The report; as CSV or XLSX only its rows", content(
            (Report = "application/json"),
            (String = "text/csv"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        BadRequest, NotFound, NotAcceptable, Running, Unprocessable, Failures
    )
)]
#[get("/api/analyses/{analysis_id}/report")]
pub(crate) async fn get_analysis_report(
    gateway: Data<Gateway>,
    request: HttpRequest,
    analysis_id: Path<AnalysisId>,
    options: Query<ReportOptions>,
) -> Result<HttpResponse, ApiError> {
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
}
