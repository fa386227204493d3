//! What a worker answers to its operators. The gateway serves the same from its own port.

use std::net::SocketAddr;

use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context as _;

use crate::Context;

/// Binds and returns the address and the server, which runs until shutdown.
pub(crate) fn start(
    context: &Context,
) -> anyhow::Result<(SocketAddr, impl Future<Output = ()> + Send + 'static)> {
    let address = SocketAddr::new(context.settings.admin.address, context.settings.admin.port);
    let state = web::Data::new(context.clone());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .route("/healthz", web::get().to(health))
            .route("/readyz", web::get().to(readiness))
            .route("/metrics", web::get().to(metrics))
    })
    .workers(1)
    // Process::wait decides about signals.
    .disable_signals()
    .shutdown_timeout(1)
    .bind(address)
    .with_context(|| format!("failed to listen on {address} (admin.address, admin.port)"))?;
    let address = server.addrs().first().copied().unwrap_or(address);
    tracing::info!(%address, "serving /healthz, /readyz and /metrics");

    let server = server.run();
    let handle = server.handle();
    let shutdown = context.shutdown.clone();
    let serve = async move {
        let stopping = async {
            shutdown.cancelled().await;
            handle.stop(true).await;
        };
        let (served, ()) = tokio::join!(server, stopping);
        if let Err(error) = served {
            tracing::error!(%error, "the admin listener failed");
        }
    };
    Ok((address, serve))
}

/// The process lives. Says nothing of its dependencies: restarting it would not mend them.
async fn health() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::plaintext())
        .body("ok\n")
}

/// Whether it can work now, and what is missing.
async fn readiness(context: web::Data<Context>) -> HttpResponse {
    let dependencies = context.check_dependencies().await;
    let is_ready = !context.shutdown.is_cancelled() && dependencies.iter().all(|dependency| dependency.ready);
    let mut response = if is_ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    response.json(serde_json::json!({ "ready": is_ready, "dependencies": dependencies }))
}

async fn metrics(context: web::Data<Context>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(context.telemetry.render_metrics())
}
