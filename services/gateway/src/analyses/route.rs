//! Analyses of scans and their reports.

use actix_web::http::header::{self, HeaderName};
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, get, post};
use norma_domain::{AnalysisId, AnalysisStatus, Priority, Report, ScanId};
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::analyses::asked::Asked;
use crate::analyses::completed::check_completed;
use crate::analyses::request::request_analysis;
use crate::analyses::wait::wait_for_end;
use crate::analysis_document::schema::{Analysis, RequestedAnalysis};
use crate::analysis_document::{describe_analysis, describe_with_place};
use crate::bundle::RunningBundle;
use crate::gateway::Gateway;
use crate::http::paging::{Page, Paging};
use crate::http::preference::wait_of;
use crate::identity::Access;
use crate::problem::ApiError;
use crate::problem::answers::{
    BadRequest, Conflict, Failures, NotAcceptable, NotFound, Running, Unprocessable,
};
use crate::routing::Router;
use crate::rows::RowFormat;
use crate::rows::{failure_row, rows_answer};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AnalyzeOptions {
    /// Name of an operating point of the bundle (`GET /api/bundle`); its default where absent.
    operating_point: Option<String>,
    /// `urgent` goes before everything routine, for those who may ask for it (403 `urgent_not_permitted`) and have few such
    /// under way (429 `too_many_urgent`); `routine` where absent.
    priority: Option<Priority>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportOptions {
    /// Instead of an `Accept` header.
    format: Option<RowFormat>,
}

/// Requests an analysis of a scan.
///
/// Requested analyses take turns: next is whose requester has used least, and an urgent one before all that are not. While one
/// runs, the same request answers that one, which becomes urgent where it waits and that is asked for; where thresholds were accepted or taken back since, it is held to
/// those that act now. A request with another operating point is refused then (409 `other_analysis_running`). The answer waits for the end, up to a setting, and is then 200 with the reference service's
/// `ok`, `files_processed` and `has_pathology_any`; 202 where it takes longer. `Prefer: respond-async` answers 202 at once,
/// `Prefer: wait=60` waits for so many seconds at most.
#[utoipa::path(
    tag = "analyses",
    operation_id = "analyzeScan",
    params(
        ("scan_id" = ScanId, Path),
        AnalyzeOptions,
        ("Prefer" = Option<String>, Header, description = "`respond-async`, or `wait=60`: seconds to wait for the end (RFC 7240)"),
    ),
    responses(
        (status = 202, description = "Requested, or running still", body = RequestedAnalysis,
            headers(("Location" = String, description = "Where the analysis is"))),
        (status = 200, description = "It ended within the wait", body = RequestedAnalysis,
            headers(("Preference-Applied" = String))),
        BadRequest, NotFound, Conflict, Unprocessable, Failures
    )
)]
#[post("/api/scans/{scan_id}/analyze")]
pub(crate) async fn analyze_scan(
    gateway: Data<Gateway>,
    (bundle, router): (Data<RunningBundle>, Data<Router>),
    (request, access): (HttpRequest, Access),
    scan_id: Path<ScanId>,
    options: Query<AnalyzeOptions>,
) -> Result<HttpResponse, ApiError> {
    let options = options.into_inner();
    let question = bundle.question(options.operating_point).await?;
    let asked = Asked::of(&gateway, &access, question, options.priority)?;
    // Who asks for this one wants it, also where a rule has such studies kept alone.
    let asked = asked.of_study(&bundle, &router, *scan_id).await?;
    let requested = request_analysis(&gateway, *scan_id, &asked.question, asked.turn).await?;
    let wait = wait_of(
        &request,
        gateway.options.longest_wait,
        gateway.options.predict_wait,
    );
    let analysis = if wait.is_zero() {
        requested
    } else {
        let deadline = Instant::now() + wait;
        wait_for_end(&gateway.database, requested.id, deadline, &gateway.stopping).await?
    };
    let is_final = analysis.status.is_final();
    let scan = gateway.scan(*scan_id).await?;
    let answer = RequestedAnalysis {
        analysis: describe_with_place(&gateway.database, analysis).await?,
        files_processed: scan.slice_count.filter(|_| is_final),
    };
    if !is_final {
        return Ok(HttpResponse::Accepted()
            .insert_header((header::LOCATION, answer.analysis.links.analysis.clone()))
            .json(answer));
    }
    let mut response = HttpResponse::Ok();
    if request.headers().contains_key("prefer") {
        response.insert_header((PREFERENCE_APPLIED, format!("wait={}", wait.as_secs())));
    }
    Ok(response.json(answer))
}

/// Lists a scan's analyses, newest first.
#[utoipa::path(
    tag = "analyses",
    operation_id = "listScanAnalyses",
    params(("scan_id" = ScanId, Path), Paging),
    responses(
        (status = 200, description = "A part of the list", body = Page<Analysis>),
        BadRequest, NotFound, Failures
    )
)]
#[get("/api/scans/{scan_id}/analyses")]
pub(crate) async fn list_scan_analyses(
    gateway: Data<Gateway>,
    scan_id: Path<ScanId>,
    paging: Query<Paging>,
) -> Result<Json<Page<Analysis>>, ApiError> {
    gateway.scan(*scan_id).await?;
    let rows = gateway.database.analyses_of_scan(*scan_id).await?;
    let total = rows.len() as u64;
    let part = paging.part();
    let (skipped, taken) = (part.offset as usize, part.limit as usize);
    let mut items = Vec::new();
    for row in rows.into_iter().skip(skipped).take(taken) {
        items.push(describe_analysis(&gateway.database, row).await?);
    }
    Ok(Json(paging.page(items, total)))
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
    gateway.scan(*scan_id).await?;
    let latest = gateway.database.latest_analysis(*scan_id).await?;
    let analysis = latest.ok_or(ApiError::NotAnalyzed { scan_id: *scan_id })?;
    answer_report(&gateway, &request, analysis, options.format).await
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
    let analysis = gateway.analysis(*analysis_id).await?;
    Ok(Json(describe_with_place(&gateway.database, analysis).await?))
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
    let analysis = gateway.analysis(*analysis_id).await?;
    answer_report(&gateway, &request, analysis, options.format).await
}

/// The report of an analysis, or why there is none (yet).
async fn answer_report(
    gateway: &Gateway,
    request: &HttpRequest,
    analysis: norma_database::Analysis,
    format: Option<RowFormat>,
) -> Result<HttpResponse, ApiError> {
    let format = RowFormat::choose(request, format)?;
    if analysis.status == AnalysisStatus::Failed && format != RowFormat::Json {
        let scan = gateway.scan(analysis.scan_id).await?;
        return rows_answer(&[failure_row(&scan, &analysis)], format);
    }
    check_completed(gateway, &analysis).await?;
    let report = gateway.report(analysis.id).await?;
    match format {
        RowFormat::Json => Ok(HttpResponse::Ok().json(report)),
        format => rows_answer(&report.rows, format),
    }
}
