//! The HTTP server: the interface, the page, and what surrounds every request.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::dev::Server;
use actix_web::http::{Method, header};
use actix_web::middleware::{Compress, Condition, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App, HttpServer};
use anyhow::Context as _;
use norma_database::NewAuditEvent;
use norma_service::run_object_deletions;
use tracing_actix_web::TracingLogger;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::certificate::Certificate;
use crate::dicom_results::DicomResults;
use crate::dicomweb::DicomWeb;
use crate::events::EventFeed;
use crate::fair_turns::{FairTurns, TurnRules};
use crate::identity::first_start;
use crate::identity::middleware::enter;
use crate::openapi::openapi;
use crate::options::GatewayOptions;
use crate::page::PageSource;
use crate::predictions::Predictions;
use crate::server::extractors::{json_config, path_config, query_config};
use crate::server::head::answer_head;
use crate::server::parts::GatewayParts;
use crate::server::request_limits::{RequestCounter, limit_body, limit_identity, limit_rate};
use crate::server::request_span::RequestSpan;
use crate::server::rooms::Rooms;
use crate::server::security::{AllowedOrigins, guard};
use crate::server::timing::{count, limit_time};
use crate::uploads::repetition::run_forgetting;
use crate::uploads::spool::prepare_spool;

const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long what a client still sends is read, as fast as it comes, after an answer that ended the connection.
const LAST_READING: Duration = Duration::from_secs(1);
/// How long requests may go on after the gateway was told to stop.
const SHUTDOWN_GRACE_SECONDS: u64 = 20;

/// A gateway that listens already and serves once it is run.
pub struct Application {
    server: Server,
    address: SocketAddr,
    rooms: Rooms,
    certificate: Option<Arc<Certificate>>,
}

impl Application {
    /// Listens on `address` (port 0 takes a free one) and prepares everything, without serving yet.
    pub fn build(parts: GatewayParts, address: SocketAddr) -> anyhow::Result<Self> {
        prepare_spool(&parts.options.spool_folder).context("failed to make the spool folder")?;
        let listener = TcpListener::bind(address).context("failed to listen")?;
        let address = listener
            .local_addr()
            .context("failed to learn the address listened on")?;
        let page = Data::new(PageSource::choose(parts.options.page_folder.clone()));
        let origins = parts.options.cors_origins.clone();
        let certificate = parts.options.tls.clone().map(Certificate::load).transpose()?;
        let counter = Data::new(RequestCounter::new(parts.options.request_rate));
        let turns = Data::new(FairTurns::new(TurnRules::default()));
        let head_timeout = parts.options.head_timeout;
        let json_limit_bytes = parts.options.json_limit_bytes;
        let base_url = base_url(&parts.options, address);
        let rooms = Rooms::new(parts, base_url)?;
        let served = rooms.clone();
        let document = openapi();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(page.clone())
                .app_data(Data::new(AllowedOrigins(origins.clone())))
                .app_data(counter.clone())
                .app_data(turns.clone())
                .app_data(json_config(json_limit_bytes))
                .app_data(path_config())
                .app_data(query_config())
                .wrap(from_fn(limit_body))
                .wrap(from_fn(limit_identity))
                .wrap(from_fn(enter))
                .wrap(from_fn(limit_time))
                .wrap(Compress::default())
                .wrap(from_fn(limit_rate))
                .wrap(Condition::new(!origins.is_empty(), cors(&origins)))
                .wrap(from_fn(guard))
                .wrap(from_fn(answer_head))
                .wrap(from_fn(count))
                .wrap(TracingLogger::<RequestSpan>::new())
                .configure(|services| served.configure(services))
                .service(
                    SwaggerUi::new("/docs/{_:.*}")
                        .config(Config::default().validator_url("none"))
                        .url("/openapi.json", document.clone()),
                )
                .service(web::redirect("/docs", "/docs/"))
        })
        .client_request_timeout(head_timeout)
        .keep_alive(KEEP_ALIVE)
        .client_disconnect_timeout(LAST_READING)
        .shutdown_timeout(SHUTDOWN_GRACE_SECONDS)
        .disable_signals();
        let server = match &certificate {
            Some(certificate) => server.listen_rustls_0_23(listener, certificate.server_config()?),
            None => server.listen(listener),
        };
        Ok(Self {
            server: server.context("failed to listen")?.run(),
            address,
            rooms,
            certificate,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where browsers reach it: as the settings say, or where it listens.
    pub fn base_url(&self) -> String {
        self.rooms.gateway.base_url.clone()
    }

    /// A link for the administrator, as long as none can sign in: makes the first account.
    ///
    /// # Errors
    /// Where the database cannot be used.
    pub fn first_link(&self) -> impl Future<Output = anyhow::Result<Option<String>>> + use<> {
        let identity = self.rooms.identity.clone();
        let database = self.rooms.gateway.database.clone();
        let base_url = self.base_url();
        async move { first_start::first_link(&identity, &database, &base_url).await }
    }

    /// Tells the audit trail that the gateway starts, and with which models.
    ///
    /// # Errors
    /// Where the trail cannot be written.
    pub fn record_start(&self) -> impl Future<Output = anyhow::Result<()>> + use<> {
        let bundle = self.rooms.bundle.clone();
        let database = self.rooms.gateway.database.clone();
        async move {
            let mut event = NewAuditEvent::of_system("gateway", "gateway.start");
            match bundle.in_use().await {
                Ok(in_use) => {
                    let bundle = in_use.bundle.reference();
                    event = event.about("bundle", format!("{} {}", bundle.name, bundle.version));
                    event.detail = format!("sha256 {}", bundle.sha256);
                }
                Err(_) => event.detail = "no bundle could be loaded".to_owned(),
            }
            database.append_audit_events(vec![event]).await?;
            Ok(())
        }
    }

    /// What takes uploads, and what knows their instances.
    pub(crate) fn received(&self) -> (Predictions, Arc<DicomWeb>) {
        let predictions = self.rooms.predictions.as_ref().clone();
        (predictions, self.rooms.dicomweb.clone().into_inner())
    }

    /// What makes the objects that are sent to a PACS.
    pub(crate) fn results(&self) -> Arc<DicomResults> {
        self.rooms.results.clone().into_inner()
    }

    /// Serves until the context's `shutdown`; then lets the requests under way finish.
    pub async fn run_until_stopped(self) -> anyhow::Result<()> {
        let performer = self.rooms.performer();
        performer.tell_that_it_runs_again().await;
        let (gateway, trail) = (self.rooms.gateway, self.rooms.trail);
        let stopping = gateway.stopping.clone();
        let events = EventFeed::clone(&self.rooms.events);
        let feed = tokio::spawn(events.run(gateway.database.clone(), stopping.clone()));
        let deleting = tokio::spawn(run_object_deletions(gateway.context.clone()));
        let forgetting = tokio::spawn(run_forgetting(gateway.database.clone(), stopping.clone()));
        let performing = tokio::spawn(performer.run(stopping.clone()));
        let keeping = tokio::spawn({
            let (gateway, stopping) = (gateway.clone(), stopping.clone());
            async move { gateway.kept.run(&gateway.database, &stopping).await }
        });
        let handle = self.server.handle();
        let stopper = tokio::spawn(async move {
            stopping.cancelled().await;
            handle.stop(true).await;
        });
        if let Some(certificate) = self.certificate {
            tokio::spawn(certificate.keep_current(gateway.stopping.clone()));
        }
        tracing::info!(address = %self.address, "the gateway serves");
        let served = self.server.await.context("the HTTP server failed");
        gateway.stopping.cancel();
        stopper.await.context("the server's stop failed")?;
        feed.await.context("the event feed failed")?;
        deleting.await.context("the deletion of objects failed")?;
        forgetting.await.context("the forgetting of old keys failed")?;
        performing.await.context("the performing of work items failed")?;
        keeping.await.context("the look at what is kept failed")?;
        trail.tell_counts().await;
        served
    }
}

fn base_url(options: &GatewayOptions, address: SocketAddr) -> String {
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    match &options.public_url {
        Some(url) => url.clone(),
        // Not reachable under the address that stands for all of them.
        None if address.ip().is_unspecified() => format!("{scheme}://localhost:{}", address.port()),
        None => format!("{scheme}://{address}"),
    }
}

fn cors(origins: &[String]) -> Cors {
    origins
        .iter()
        .fold(Cors::default(), |cors, origin| cors.allowed_origin(origin))
        .allowed_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allowed_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::RANGE,
            header::IF_NONE_MATCH,
            header::IF_MATCH,
            header::HeaderName::from_static("idempotency-key"),
            header::HeaderName::from_static("prefer"),
            header::HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([
            header::LOCATION,
            header::ETAG,
            header::CONTENT_RANGE,
            header::CONTENT_DISPOSITION,
        ])
        .max_age(600)
}
