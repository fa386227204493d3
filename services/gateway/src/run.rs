//! The gateway as a service of a process.

use std::sync::Arc;

use anyhow::Context as _;
use norma_service::{Context, load_bundle};

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
        reader: UploadReader::new(settings.sandbox(), settings.imaging_limits()),
        options: GatewayOptions::from(settings.as_ref()),
        context,
    };
    Application::build(parts, address)
        .context("failed to start the gateway")?
        .run_until_stopped()
        .await
}
