//! The span of a request: method, route, status and request id. Never the path itself nor its query: a search
//! holds names. The caller's trace goes on where it sends one (W3C `traceparent`).

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::{Error, HttpMessage};
use norma_service::join_trace;
use tracing::Span;
use tracing_actix_web::{RequestId, RootSpanBuilder};

/// Builds the span that [`tracing_actix_web::TracingLogger`] runs a request in.
pub(crate) struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let route = request.match_pattern().unwrap_or_else(|| "(none)".to_owned());
        let request_id = request
            .extensions()
            .get::<RequestId>()
            .map(ToString::to_string)
            .unwrap_or_default();
        let span = tracing::info_span!(
            "request",
            "otel.name" = format!("{} {route}", request.method()),
            "otel.kind" = "server",
            "http.request.method" = %request.method(),
            "http.route" = route,
            "http.response.status_code" = tracing::field::Empty,
            "otel.status_code" = tracing::field::Empty,
            trace_id = tracing::field::Empty,
            request_id,
        );
        let headers = ["traceparent", "tracestate"]
            .into_iter()
            .filter_map(|name| Some((name, request.headers().get(name)?.to_str().ok()?)))
            .collect();
        join_trace(&span, &headers);
        span
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let status = match outcome {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
    }
}
