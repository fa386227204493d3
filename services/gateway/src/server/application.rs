//! The HTTP server: the interface, the page, and what surrounds every request.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::error::{InternalError, JsonPayloadError};
use actix_web::http::{Method, header};
use actix_web::middleware::{Compress, Condition, Next, from_fn};
use actix_web::web::{self, Data, JsonConfig, PathConfig, QueryConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, ResponseError};
use anyhow::Context as _;
use norma_database::NewAuditEvent;
use tracing_actix_web::TracingLogger;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::gateway::{Gateway, GatewayParts};
use crate::identity::first_start;
use crate::identity::middleware::enter;
use crate::openapi::openapi;
use crate::page::PageSource;
use crate::problem::ApiError;
use crate::server::request_limits::{RequestCounter, limit_body, limit_identity, limit_rate};
use crate::server::request_span::RequestSpan;
use crate::server::routes;
use crate::server::security::{AllowedOrigins, guard};
use crate::server::tls::Certificate;
use crate::uploads::receive::prepare_spool;

const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long requests may go on after the gateway was told to stop.
const SHUTDOWN_GRACE_SECONDS: u64 = 20;

/// A gateway that listens already and serves once it is run.
pub struct Application {
    server: Server,
    address: SocketAddr,
    gateway: Data<Gateway>,
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
        let head_timeout = parts.options.head_timeout;
        let json_limit_bytes = parts.options.json_limit_bytes;
        let gateway = Data::new(Gateway::new(parts)?);
        let shared = gateway.clone();
        let document = openapi();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .app_data(page.clone())
                .app_data(Data::new(AllowedOrigins(origins.clone())))
                .app_data(counter.clone())
                .app_data(json_config(json_limit_bytes))
                .app_data(path_config())
                .app_data(query_config())
                .wrap(from_fn(limit_time))
                .wrap(from_fn(limit_body))
                .wrap(from_fn(limit_identity))
                .wrap(from_fn(enter))
                .wrap(Compress::default())
                .wrap(from_fn(limit_rate))
                .wrap(Condition::new(!origins.is_empty(), cors(&origins)))
                .wrap(from_fn(guard))
                .wrap(from_fn(count))
                .wrap(TracingLogger::<RequestSpan>::new())
                .configure(routes::configure)
                .service(
                    SwaggerUi::new("/docs/{_:.*}")
                        .config(Config::default().validator_url("none"))
                        .url("/openapi.json", document.clone()),
                )
                .service(web::redirect("/docs", "/docs/"))
        })
        .client_request_timeout(head_timeout)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(SHUTDOWN_GRACE_SECONDS)
        .disable_signals();
        let server = match &certificate {
            Some(certificate) => server.listen_rustls_0_23(listener, certificate.server_config()?),
            None => server.listen(listener),
        };
        Ok(Self {
            server: server.context("failed to listen")?.run(),
            address,
            gateway,
            certificate,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where browsers reach it: as the settings say, or where it listens.
    pub fn base_url(&self) -> String {
        match &self.gateway.options.public_url {
            Some(url) => url.clone(),
            // Not reachable under the address that stands for all of them.
            None if self.address.ip().is_unspecified() => {
                format!("{}://localhost:{}", self.scheme(), self.address.port())
            }
            None => format!("{}://{}", self.scheme(), self.address),
        }
    }

    fn scheme(&self) -> &'static str {
        if self.certificate.is_some() {
            "https"
        } else {
            "http"
        }
    }

    /// A link for the administrator, as long as none can sign in: makes the first account.
    ///
    /// # Errors
    /// Where the database cannot be used.
    pub fn first_link(&self) -> impl Future<Output = anyhow::Result<Option<String>>> + use<> {
        let (gateway, base_url) = (self.gateway.clone(), self.base_url());
        async move { first_start::first_link(&gateway, &base_url).await }
    }

    /// Tells the audit trail that the gateway starts, and with which models.
    ///
    /// # Errors
    /// Where the trail cannot be written.
    pub fn record_start(&self) -> impl Future<Output = anyhow::Result<()>> + use<> {
        let mut event = NewAuditEvent::of_system("gateway", "gateway.start");
        match self.gateway.bundle() {
            Ok(bundle) => {
                event = event.about("bundle", format!("{} {}", bundle.name, bundle.version));
                event.detail = format!("sha256 {}", bundle.sha256);
            }
            Err(_) => event.detail = "no bundle could be loaded".to_owned(),
        }
        let database = self.gateway.database.clone();
        async move {
            database.append_audit_events(vec![event]).await?;
            Ok(())
        }
    }

    /// Serves until the context's `shutdown`; then lets the requests under way finish.
    pub async fn run_until_stopped(self) -> anyhow::Result<()> {
        let stopping = self.gateway.stopping.clone();
        let feed = tokio::spawn(
            self.gateway
                .events
                .clone()
                .run(self.gateway.database.clone(), stopping.clone()),
        );
        let handle = self.server.handle();
        let stopper = tokio::spawn(async move {
            stopping.cancelled().await;
            handle.stop(true).await;
        });
        if let Some(certificate) = self.certificate {
            tokio::spawn(certificate.keep_current(self.gateway.stopping.clone()));
        }
        tracing::info!(address = %self.address, "the gateway serves");
        let served = self.server.await.context("the HTTP server failed");
        self.gateway.stopping.cancel();
        stopper.await.context("the server's stop failed")?;
        feed.await.context("the event feed failed")?;
        served
    }
}

fn json_config(limit_bytes: usize) -> JsonConfig {
    JsonConfig::default()
        .limit(limit_bytes)
        .error_handler(move |error, _| {
            let refusal = match &error {
                JsonPayloadError::ContentType => {
                    ApiError::UnsupportedMediaType("the body is application/json")
                }
                JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
                    ApiError::BodyTooLarge {
                        limit_bytes: limit_bytes as u64,
                    }
                }
                // Serde's message may repeat what was sent: it tells only where.
                JsonPayloadError::Deserialize(error) => ApiError::InvalidBody(format!(
                    "not the JSON that is expected here: line {}, column {}",
                    error.line(),
                    error.column()
                )),
                _ => ApiError::InvalidBody("the body cannot be read".to_owned()),
            };
            refusal.into()
        })
}

fn path_config() -> PathConfig {
    PathConfig::default().error_handler(|_, _| {
        ApiError::InvalidParameter {
            parameter: "path".to_owned(),
            detail: "a part of the path is not of its kind: identifiers are UUIDs, slices are numbers from 0"
                .to_owned(),
        }
        .into()
    })
}

fn query_config() -> QueryConfig {
    QueryConfig::default().error_handler(|_, _| {
        let detail = "a query parameter is not of its kind, or outside of its range; /docs tells the kinds";
        let refusal = ApiError::InvalidParameter {
            parameter: "query".to_owned(),
            detail: detail.to_owned(),
        };
        let response = refusal.error_response();
        InternalError::from_response(refusal, response).into()
    })
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

/// What is no operation: a file of the page, or a problem.
pub(crate) async fn page_or_problem(
    request: &HttpRequest,
    page: &PageSource,
) -> Result<HttpResponse, ApiError> {
    if matches!(*request.method(), Method::GET | Method::HEAD)
        && let Some(answer) = page.answer(request).await
    {
        return Ok(answer);
    }
    Err(ApiError::RouteNotFound)
}

/// Paths whose requests upload, wait or stream: they have limits of their own.
const LONG_ROUTES: [&str; 6] = [
    "/api/scans",
    "/api/scans/{scan_id}/analyze",
    "/api/scans/{scan_id}/file",
    "/inference/predict",
    "/api/inference/predict",
    "/api/events",
];

/// Middleware: a request that neither uploads, waits nor streams is answered in time.
async fn limit_time<B: actix_web::body::MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let is_long = request
        .match_pattern()
        .is_some_and(|pattern| LONG_ROUTES.contains(&pattern.as_str()));
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
async fn count<B: actix_web::body::MessageBody>(
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
