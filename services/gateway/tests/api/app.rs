//! A gateway of its own for each test: a random port, a fresh database, a temporary folder.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use norma_access::ApiKeySecret;
use norma_database::{Database, NewApiKey};
use norma_domain::{AnalysisId, ReasonCode, Role, Roles, ScanId};
use norma_gateway::{Application, Connections, GatewayOptions, GatewayParts, Rules, Sources, UploadReader};
use norma_imaging::Limits;
use norma_inference::Bundle;
use norma_object_storage::Objects;
use norma_pipeline::Sandbox;
use norma_service::{Context, Settings, Telemetry};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A running gateway.
pub(crate) struct App {
    pub(crate) base: String,
    /// Shows a key of a clinician who is operator and administrator too.
    pub(crate) client: reqwest::Client,
    /// Shows nothing.
    pub(crate) nobody: reqwest::Client,
    pub(crate) database: Database,
    pub(crate) objects: Objects,
    pub(crate) shutdown: CancellationToken,
    pub(crate) folder: TempDir,
    pub(crate) served: JoinHandle<anyhow::Result<()>>,
}

pub(crate) async fn spawn_app() -> App {
    spawn_app_with(|_| {}).await
}

/// Starts a gateway whose options are changed before.
pub(crate) async fn spawn_app_with(change: impl FnOnce(&mut GatewayOptions)) -> App {
    spawn(change, true, None).await
}

/// Starts a gateway whose models cannot be loaded.
pub(crate) async fn spawn_app_without_models() -> App {
    spawn(|_| {}, false, None).await
}

/// Starts a gateway that encrypts what it stores.
pub(crate) async fn spawn_app_encrypted(keys_file: PathBuf) -> App {
    spawn(|_| {}, true, Some(keys_file)).await
}

async fn spawn(
    change: impl FnOnce(&mut GatewayOptions),
    has_models: bool,
    keys_file: Option<PathBuf>,
) -> App {
    let folder = tempfile::tempdir().unwrap();
    spawn_in(folder, |_| {}, change, (has_models, keys_file)).await
}

/// Starts a gateway whose settings are changed before.
pub(crate) async fn spawn_app_of(set: impl FnOnce(&mut Settings)) -> App {
    spawn_in(tempfile::tempdir().unwrap(), set, |_| {}, (true, None)).await
}

async fn spawn_in(
    folder: TempDir,
    set: impl FnOnce(&mut Settings),
    change: impl FnOnce(&mut GatewayOptions),
    (has_models, keys_file): (bool, Option<PathBuf>),
) -> App {
    let mut settings = Settings::base();
    settings.database.url = format!("sqlite://{}", folder.path().join("norma.db").display()).into();
    settings.objects.folder = folder.path().join("objects");
    settings.gateway.spool_folder = Some(folder.path().join("spool"));
    settings.encryption.keys_file = keys_file;
    settings.gateway.page_folder = None;
    settings.telemetry.level = "off".to_owned();
    settings.identity.password.memory_kib = 8;
    settings.identity.password.passes = 1;
    settings.sandbox.time_limit_seconds = 60;
    set(&mut settings);
    let connections = Connections::of_settings(&settings).unwrap();
    let mut options = GatewayOptions::from(&settings);
    change(&mut options);
    let rules = Rules::of(&settings.routing);
    let time_limit = Duration::from_secs(settings.sandbox.time_limit_seconds);

    static TELEMETRY: OnceLock<Telemetry> = OnceLock::new();
    let telemetry = TELEMETRY
        .get_or_init(|| Telemetry::install(&settings.telemetry, "gateway").unwrap())
        .clone();
    let shutdown = CancellationToken::new();
    let context = Context::open(settings, telemetry, "gateway", shutdown.clone())
        .await
        .unwrap();
    let (database, objects) = (context.database.clone(), context.objects.clone());
    let application = Application::build(
        GatewayParts {
            expected: Default::default(),
            context,
            models: Arc::new(move || {
                has_models.then(|| Arc::new(installed())).ok_or_else(|| {
                    norma_domain::Reason::new(ReasonCode::ModelMissing, "no bundle in this test")
                })
            }),
            reader: UploadReader::new(
                Sandbox {
                    program: Some(reader_program()),
                    memory_limit_bytes: 2 << 30,
                    time_limit,
                    threads: 1,
                    ..Sandbox::default()
                },
                Limits::default(),
            ),
            options,
            sources: Sources::default(),
            connections,
            rules,
        },
        "127.0.0.1:0".parse().unwrap(),
    )
    .unwrap();
    App {
        base: format!("http://{}", application.address()),
        client: client(Some(&make_key(&database, "test", EVERYTHING, |_| {}).await)),
        nobody: client(None),
        database,
        objects,
        shutdown,
        folder,
        served: tokio::spawn(application.run_until_stopped()),
    }
}

/// What the tests' own key may do.
const EVERYTHING: &[Role] = &[Role::Clinician, Role::Operator, Role::Administrator];

/// A client that shows a key, or nothing.
pub(crate) fn client(key: Option<&str>) -> reqwest::Client {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        headers.insert("authorization", format!("Bearer {key}").parse().unwrap());
    }
    reqwest::Client::builder()
        .no_proxy()
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// A key of these roles, of a scope of its name.
pub(crate) async fn make_key(
    database: &Database,
    name: &str,
    roles: &[Role],
    change: impl FnOnce(&mut NewApiKey),
) -> String {
    let secret = ApiKeySecret::generate();
    let mut key = NewApiKey {
        name: name.to_owned(),
        scope: name.to_owned(),
        roles: Roles::of(roles),
        secret_hash: secret.hash(),
        prefix: secret.prefix().to_owned(),
        created_by: "test".to_owned(),
        expires_at: None,
        made_by_user: None,
        needs_confirmation: false,
        allowed_addresses: Vec::new(),
    };
    change(&mut key);
    database.create_api_key(key).await.unwrap();
    secret.expose().to_owned()
}

/// `examples/read_upload.rs`, which cargo builds beside the tests.
fn reader_program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples")
        .join("read_upload");
    assert!(
        program.exists(),
        "{} is missing: cargo build -p norma-gateway --examples",
        program.display()
    );
    program
}

/// The models that `norma-inference` tests with.
pub(crate) fn installed() -> Bundle {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/inference/tests/fixtures/bundle");
    Bundle::load(&folder).unwrap()
}

impl App {
    /// Stops, and starts on what is kept.
    pub(crate) async fn restarted(self) -> Self {
        self.shutdown.cancel();
        self.served.await.unwrap().unwrap();
        spawn_in(self.folder, |_| {}, |_| {}, (true, None)).await
    }

    /// Where uploads lie while they are looked at.
    pub(crate) fn spool(&self) -> std::path::PathBuf {
        let mut folders = std::fs::read_dir(self.folder.path().join("spool")).unwrap();
        folders.next().unwrap().unwrap().path()
    }
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str) -> Response {
        self.request(Method::POST, path).send().await.unwrap()
    }

    /// Asks for an answer at once.
    pub(crate) async fn post_async(&self, path: &str) -> Response {
        let request = self.request(Method::POST, path);
        request.header("prefer", "respond-async").send().await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Response {
        self.request(Method::DELETE, path).send().await.unwrap()
    }

    pub(crate) async fn send_json(&self, method: Method, path: &str, body: &Value) -> Response {
        self.request(method, path).json(body).send().await.unwrap()
    }

    pub(crate) async fn get_json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "GET {path}");
        response.json().await.unwrap()
    }

    /// Uploads bytes as a scan without a patient.
    pub(crate) async fn upload(&self, bytes: &[u8]) -> ScanId {
        let response = self
            .request(Method::POST, "/api/scans")
            .multipart(form("chest.zip", bytes))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        id_of(&response.json().await.unwrap())
    }

    /// Analyses that wait for their turn.
    pub(crate) async fn waiting(&self) -> u64 {
        let lanes = self.database.waiting_lanes().await.unwrap();
        lanes.iter().map(|lane| lane.count).sum()
    }

    /// Requests an analysis of a scan.
    pub(crate) async fn analyze(&self, scan_id: ScanId) -> AnalysisId {
        let path = format!("/api/scans/{scan_id}/analyze");
        let response = self.post_async(&path).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        id_of(&response.json().await.unwrap())
    }

    pub(crate) async fn create_patient(&self, first_name: &str, last_name: &str) -> Value {
        let body = serde_json::json!({"first_name": first_name, "last_name": last_name});
        let response = self.send_json(Method::POST, "/api/patients", &body).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        response.json().await.unwrap()
    }
}

/// A form with one file.
pub(crate) fn form(name: &str, bytes: &[u8]) -> reqwest::multipart::Form {
    let part = reqwest::multipart::Part::bytes(bytes.to_vec()).file_name(name.to_owned());
    reqwest::multipart::Form::new().part("file", part)
}

pub(crate) fn id_of<T: std::str::FromStr<Err: std::fmt::Debug>>(document: &Value) -> T {
    document["id"].as_str().unwrap().parse().unwrap()
}

/// Asserts a problem: its status, media type, code, and that status and type agree in the body. Returns the body.
pub(crate) async fn problem(response: Response, status: StatusCode, code: &str) -> Value {
    let found = response.status();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json",
        "{found}"
    );
    let body: Value = response.json().await.unwrap();
    assert_eq!((found, body["code"].as_str()), (status, Some(code)), "{body}");
    assert_eq!(body["status"], status.as_u16());
    assert_eq!(body["type"], format!("urn:norma:problem:{code}"));
    body
}

/// A document whose identifiers and times are replaced, so that it can be compared with a snapshot.
pub(crate) fn without_chance(mut document: Value) -> Value {
    replace(&mut document);
    document
}

fn replace(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(replace),
        Value::Array(items) => items.iter_mut().for_each(replace),
        Value::String(text) => {
            if text.len() == 36 && uuid::Uuid::parse_str(text).is_ok() {
                *text = "[id]".to_owned();
            } else if text.ends_with('Z') && text.parse::<chrono::DateTime<chrono::Utc>>().is_ok() {
                *text = "[time]".to_owned();
            } else {
                let parts: Vec<&str> = text
                    .split('/')
                    .map(|part| {
                        let (part_id, query) = part.split_once('?').unwrap_or((part, ""));
                        if part_id.len() == 36 && uuid::Uuid::parse_str(part_id).is_ok() {
                            "[id]"
                        } else if query.starts_with("analysis_id=") {
                            "{n}?analysis_id=[id]"
                        } else {
                            part
                        }
                    })
                    .collect();
                *text = parts.join("/");
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
