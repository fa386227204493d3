//! The gateway as a service of a process.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use norma_imaging::Limits;
use norma_pipeline::Sandbox;
use norma_service::{Context, Settings, load_bundle};

use crate::bundle_document::describe_bundle;
use crate::gateway::GatewayParts;
use crate::options::GatewayOptions;
use crate::security::listen_address;
use crate::server::Application;
use crate::upload_reader::UploadReader;

/// Serves until the context's `shutdown`, then lets the requests under way finish.
pub async fn run(context: Context) -> anyhow::Result<()> {
    let settings = Arc::clone(&context.settings);
    let gateway = &settings.gateway;
    let address = listen_address(gateway.address, gateway.port, gateway.listen_beyond_loopback)?;
    let bundle = load_bundle(&context).await;
    let parts = GatewayParts {
        bundle: Arc::new(move || bundle.get().map(|bundle| describe_bundle(&bundle))),
        reader: UploadReader::new(sandbox(&settings), limits(&settings)),
        options: GatewayOptions::from(settings.as_ref()),
        context,
    };
    Application::build(parts, address)
        .context("failed to start the gateway")?
        .run_until_stopped()
        .await
}

fn sandbox(settings: &Settings) -> Sandbox {
    Sandbox {
        memory_limit_bytes: settings.sandbox.memory_bytes,
        time_limit: Duration::from_secs(settings.sandbox.time_limit_seconds),
        ..Sandbox::default()
    }
}

fn limits(settings: &Settings) -> Limits {
    let limits = &settings.limits;
    Limits {
        archive_entries: limits.archive_entries,
        uncompressed_bytes: limits.uncompressed_bytes,
        compression_ratio: limits.compression_ratio,
        ratio_free_bytes: limits.ratio_free_bytes,
        archive_nesting: limits.archive_nesting,
        file_bytes: limits.file_bytes,
        header_bytes: limits.header_bytes,
        voxels: limits.voxels,
    }
}
