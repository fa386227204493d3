//! One analysis is one trace: its context travels in the headers of the messages
//! (<https://www.w3.org/TR/trace-context/>).

use std::collections::HashMap;

use norma_messages::Headers;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// `traceparent` and `tracestate` of the current span; empty outside of a trace.
pub fn current_trace_headers() -> Headers {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// Makes the span a part of the trace that a message's headers name, and writes the trace's id into the span's field
/// `trace_id`, where it has one.
pub fn join_trace(span: &Span, headers: &Headers) {
    let carrier: HashMap<String, String> = headers
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let context = TraceContextPropagator::new().extract(&carrier);
    // Fails without the tracing layer, as in tests: then there is no trace to join.
    let _ = span.set_parent(context);
    let trace_id = span.context().span().span_context().trace_id();
    span.record("trace_id", tracing::field::display(trace_id));
}
