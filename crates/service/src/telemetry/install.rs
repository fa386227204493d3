use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::stage_metrics::describe_metrics;
use crate::{LogFormat, TelemetrySettings};

/// Upper bounds in seconds of the histograms: from a fast merge to a stage's time limit.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0,
];

/// What has to be kept while the process runs.
#[derive(Clone)]
pub struct Telemetry {
    prometheus: PrometheusHandle,
    traces: SdkTracerProvider,
}

impl Telemetry {
    /// Sets up logs (to standard error), traces and metrics. A second call in the same process (tests run
    /// several services in one) returns the first one's.
    pub fn install(settings: &TelemetrySettings, service: &str) -> anyhow::Result<Self> {
        static INSTALLED: Mutex<Option<Telemetry>> = Mutex::new(None);
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(installed) = &*installed {
            return Ok(installed.clone());
        }
        let traces = tracer_provider(settings, service)?;
        install_subscriber(settings, &traces)?;
        let telemetry = Self {
            prometheus: install_recorder()?,
            traces,
        };
        Ok(installed.insert(telemetry).clone())
    }

    /// The metrics in Prometheus' text format.
    pub fn render_metrics(&self) -> String {
        self.prometheus.render()
    }

    /// To be called every few seconds: drops what old histogram samples hold.
    pub(crate) fn run_upkeep(&self) {
        self.prometheus.run_upkeep();
    }

    /// Sends the spans that still wait. Blocks.
    pub fn flush(&self) {
        if let Err(error) = self.traces.force_flush() {
            tracing::warn!(%error, "failed to send the last traces");
        }
    }
}

/// Without a collector the spans go nowhere, but trace ids still travel with the messages and stand in the logs.
fn tracer_provider(settings: &TelemetrySettings, service: &str) -> anyhow::Result<SdkTracerProvider> {
    let sampler = Sampler::TraceIdRatioBased(settings.sample_ratio);
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(sampler)))
        .with_resource(
            Resource::builder()
                .with_service_name(format!("norma-{service}"))
                .build(),
        );
    let Some(endpoint) = &settings.otlp_endpoint else {
        return Ok(provider.build());
    };
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .build()
        .context("failed to set up the OTLP exporter")?;
    Ok(provider.with_batch_exporter(exporter).build())
}

fn install_subscriber(settings: &TelemetrySettings, traces: &SdkTracerProvider) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.level)
        .context("telemetry.level cannot be read")?
        // Its extractors repeat what a client sent at the level `debug`.
        .add_directive(
            "actix_web::types=info"
                .parse()
                .context("failed to quiet actix-web")?,
        );
    let format = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let format = match settings.format {
        LogFormat::Pretty => format.boxed(),
        LogFormat::Json => format.json().flatten_event(true).boxed(),
    };
    let spans = tracing_opentelemetry::layer().with_tracer(traces.tracer("norma"));
    // Where a test has its own subscriber, that one stays.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(format)
        .with(spans)
        .try_init();
    Ok(())
}

fn install_recorder() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .context("failed to set up metrics")?;
    describe_metrics();
    Ok(handle)
}
