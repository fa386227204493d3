//! Logs, traces and metrics, set up once per process.

mod install;
mod stage_metrics;
mod trace_context;

pub use install::Telemetry;
pub(crate) use stage_metrics::StageMetrics;
pub use trace_context::{current_trace_headers, join_trace};
