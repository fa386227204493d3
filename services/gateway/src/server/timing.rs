//! Middleware: how long a request may take, and how long it took.

use std::time::Duration;

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::Data;

use crate::gateway::Gateway;
use crate::problem::ApiError;

/// Paths whose requests upload, wait or stream: they have limits of their own.
const LONG_ROUTES: [&str; 8] = [
    "/api/scans",
    "/api/scans/inspect",
    "/api/analyses",
    "/api/scans/{scan_id}/analyze",
    "/api/scans/{scan_id}/file",
    "/inference/predict",
    "/api/inference/predict",
    "/api/events",
];

/// Studies as large as uploads; what is asked for first is indexed first.
const DICOMWEB: &str = "/dicom-web/";

/// Middleware: a request that neither uploads, waits nor streams is answered in time.
pub(crate) async fn limit_time<B: actix_web::body::MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let is_long = request
        .match_pattern()
        .is_some_and(|pattern| LONG_ROUTES.contains(&pattern.as_str()) || pattern.starts_with(DICOMWEB));
    if is_long {
        return next.call(request).await;
    }
    let limit = request
        .app_data::<Data<Gateway>>()
        .map_or(Duration::from_secs(30), |gateway| gateway.options.request_timeout);
    match tokio::time::timeout(limit, next.call(request)).await {
        Ok(response) => response,
        Err(_) => Err(ApiError::Timeout.into()),
    }
}

/// Middleware: counts requests and their durations by method, route and status.
pub(crate) async fn count<B: actix_web::body::MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let started = std::time::Instant::now();
    // A client may make methods up; the labels must not grow with that.
    let method = match *request.method() {
        Method::GET | Method::POST | Method::PUT | Method::DELETE | Method::HEAD | Method::OPTIONS => {
            request.method().to_string()
        }
        _ => "other".to_owned(),
    };
    let route = request.match_pattern().unwrap_or_else(|| "(none)".to_owned());
    let outcome = next.call(request).await;
    let status = match &outcome {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    let labels = [
        ("method", method),
        ("route", route),
        ("status", status.as_u16().to_string()),
    ];
    metrics::counter!("norma_http_requests_total", &labels).increment(1);
    metrics::histogram!("norma_http_request_duration_seconds", &labels)
        .record(started.elapsed().as_secs_f64());
    outcome
}
