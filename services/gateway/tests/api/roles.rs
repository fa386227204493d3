//! Every operation as every role and as nobody. What is expected stands here once more, apart from the gateway's own
//! table: an operation that is missing here fails the test.

use norma_domain::Role;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::app::{App, client, form, make_key, problem, spawn_app};

const PUBLIC: &str = "public";
const KNOWN: &str = "known";

/// Operation and who may call it: c(linician), i(ntegrator), o(perator), a(dministrator).
const EXPECTED: &[(&str, &str)] = &[
    ("listPatients", "c"),
    ("createPatient", "c"),
    ("getPatient", "c"),
    ("updatePatient", "c"),
    ("deletePatient", "c"),
    ("mergePatients", "c"),
    ("exportPatient", "c"),
    ("getErasure", "ca"),
    ("listScans", "ci"),
    ("uploadScan", "ci"),
    ("inspectUpload", "c"),
    ("getScan", "ci"),
    ("updateScan", "c"),
    ("setScanPatient", "c"),
    ("deleteScan", "c"),
    ("downloadScanFile", "ci"),
    ("analyzeScan", "ci"),
    ("listScanAnalyses", "ci"),
    ("getScanReport", "ci"),
    ("getVolume", "ci"),
    ("getSlice", "ci"),
    ("getSlicePicture", "ci"),
    ("getHeatmap", "ci"),
    ("getHeatmapPicture", "ci"),
    ("analyzeMany", "c"),
    ("getAnalysis", "ci"),
    ("getAnalysisReport", "ci"),
    ("getAnalysisDicom", "ci"),
    ("getAnalysisDicomObject", "ci"),
    ("listFeedback", "c"),
    ("giveFeedback", "c"),
    ("withdrawFeedback", "c"),
    ("listStudies", "c"),
    ("streamEvents", "c"),
    ("predict", "ci"),
    ("predictUnderApi", "ci"),
    ("listPredictions", "ci"),
    ("getPrediction", "ci"),
    ("getDrift", "o"),
    ("getShadow", "o"),
    ("listThresholdProposals", "o"),
    ("makeThresholdProposal", "o"),
    ("getThresholdProposal", "o"),
    ("acceptThresholdProposal", "o"),
    ("declineThresholdProposal", "o"),
    ("withdrawThresholdProposal", "o"),
    ("getBundle", KNOWN),
    ("live", PUBLIC),
    ("ready", PUBLIC),
    ("metrics", "o"),
    ("getSession", KNOWN),
    ("signIn", PUBLIC),
    ("redeemSignInLink", PUBLIC),
    ("signOut", KNOWN),
    ("changePassword", KNOWN),
    ("listSessions", KNOWN),
    ("endOtherSessions", KNOWN),
    ("endSession", KNOWN),
    ("verifySession", KNOWN),
    ("getSecondFactor", KNOWN),
    ("beginSecondFactor", KNOWN),
    ("confirmSecondFactor", KNOWN),
    ("removeSecondFactor", KNOWN),
    ("renewRecoveryCodes", KNOWN),
    ("listPasskeys", KNOWN),
    ("beginPasskey", KNOWN),
    ("addPasskey", KNOWN),
    ("removePasskey", KNOWN),
    ("askForPasskey", PUBLIC),
    ("signInByPasskey", PUBLIC),
    ("askForPasskeyAgain", KNOWN),
    ("verifySessionByPasskey", KNOWN),
    ("getLoginOptions", PUBLIC),
    ("listUsers", "a"),
    ("createUser", "a"),
    ("getUser", "a"),
    ("updateUser", "a"),
    ("deleteUser", "a"),
    ("createSignInLink", "a"),
    ("listUserSessions", "a"),
    ("endUserSessions", "a"),
    ("endUserSession", "a"),
    ("resetSecondFactor", "a"),
    ("listUserPasskeys", "a"),
    ("removeUserPasskey", "a"),
    ("listKeys", "a"),
    ("createKey", "a"),
    ("confirmKey", "a"),
    ("revokeKey", "a"),
    ("listAudit", "a"),
    ("exportAudit", "a"),
    ("listDeliveries", "oa"),
    ("sendDeliveryAgain", "oa"),
    ("listDeliveryDestinations", "oa"),
    ("sendFailedDeliveriesAgain", "oa"),
    ("listConnections", "oa"),
    ("echoConnection", "oa"),
    ("listArrivals", "oa"),
    ("listRoutingRules", "oa"),
    ("listSources", "oa"),
    ("findStudies", "c"),
    ("listPulls", "oa"),
    ("askForPull", "oa"),
    ("getPull", "oa"),
    ("pullAgain", "oa"),
    ("startOpenId", PUBLIC),
    ("finishOpenId", PUBLIC),
];

fn concrete(path: &str) -> String {
    path.replace("{slice}", "0")
        .replace("{stage}", "anomaly")
        .replace("{way}", "source")
        .split('/')
        .map(|part| {
            if part.starts_with('{') {
                "0190a1b2-0000-7000-8000-000000000000"
            } else {
                part
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

async fn ask(app: &App, client: &reqwest::Client, method: &Method, path: &str) -> reqwest::Response {
    client
        .request(method.clone(), format!("{}{path}", app.base))
        .send()
        .await
        .unwrap()
}

/// Whether the answer is the refusal of the one place that checks roles.
async fn is_refused(response: reqwest::Response, is_stream: bool) -> bool {
    let status = response.status();
    if !matches!(status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED) || is_stream {
        return status == StatusCode::FORBIDDEN || status == StatusCode::UNAUTHORIZED;
    }
    let body: Value = response.json().await.unwrap();
    ["forbidden", "not_authenticated"].contains(&body["code"].as_str().unwrap())
}

#[tokio::test]
async fn every_operation_as_every_role_and_as_nobody() {
    let app = spawn_app().await;
    let mut callers = vec![("nobody", client(None))];
    for role in Role::ALL {
        let key = make_key(&app.database, role.as_str(), &[role], |_| {}).await;
        callers.push((role.as_str(), client(Some(&key))));
    }
    let document = serde_json::to_value(norma_gateway::openapi()).unwrap();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            let (_, expected) = EXPECTED
                .iter()
                .find(|(known, _)| *known == name)
                .unwrap_or_else(|| panic!("{name} is new: say here who may call it"));
            let method: Method = method.to_uppercase().parse().unwrap();
            for (caller, client) in &callers {
                let may = match *expected {
                    PUBLIC => true,
                    KNOWN => *caller != "nobody",
                    roles => *caller != "nobody" && roles.contains(&caller[..1]),
                };
                let response = ask(&app, client, &method, &concrete(path)).await;
                let status = response.status();
                let refused = is_refused(response, name == "streamEvents").await;
                assert_eq!(!refused, may, "{name} as {caller} answers {status}");
                if *caller == "nobody" && !may {
                    assert_eq!(status, StatusCode::UNAUTHORIZED, "{name}");
                }
                assert!(!status.is_server_error(), "{name} as {caller} answers {status}");
                tried += 1;
            }
        }
    }
    assert_eq!(tried, EXPECTED.len() * callers.len(), "one left the interface");
}

#[tokio::test]
async fn no_spelling_of_a_path_gets_past_the_rules() {
    let app = spawn_app().await;
    app.create_patient("Anna", "Petrova").await;
    for path in [
        "/api/%70atients",
        "/%61pi/patients",
        "/api/patients/",
        "//api/patients",
        "/api//patients",
        "/api/./patients",
        "/docs/../api/patients",
        "/api/patients?x=1",
        "/API/patients",
        "/api/patients;x",
        "/api%2Fpatients",
    ] {
        // As it stands: the client's library would tidy the path up.
        let answer = raw_get(&app, path).await;
        assert!(!answer.contains("Petrova"), "{path}: {answer}");
        let is_fine = ["HTTP/1.1 401", "HTTP/1.1 404"]
            .iter()
            .any(|status| answer.starts_with(status));
        assert!(is_fine, "{path}: {answer}");
    }
}

async fn raw_get(app: &App, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = app.base.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn an_integrator_sees_only_what_it_uploaded() {
    let app = spawn_app().await;
    let other_scan = app.upload(b"of somebody else").await;
    let key = make_key(&app.database, "pacs", &[Role::Integrator], |_| {}).await;
    let pacs = client(Some(&key));
    let response = pacs
        .post(format!("{}/api/scans", app.base))
        .multipart(form("own.zip", b"its own"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let own: Value = response.json().await.unwrap();
    let own = own["id"].as_str().unwrap().to_owned();

    let listed: Value = ask(&app, &pacs, &Method::GET, "/api/scans")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&listed["total"], &listed["items"][0]["id"]),
        (&1.into(), &own.as_str().into())
    );
    assert_eq!(
        app.get_json("/api/scans").await["total"],
        2,
        "clinicians see both"
    );
    let file = ask(&app, &pacs, &Method::GET, &format!("/api/scans/{own}/file")).await;
    assert_eq!(file.text().await.unwrap(), "its own");
    for path in ["", "/file", "/report", "/analyses", "/volume"] {
        let response = ask(
            &app,
            &pacs,
            &Method::GET,
            &format!("/api/scans/{other_scan}{path}"),
        )
        .await;
        problem(response, StatusCode::NOT_FOUND, "scan_not_found").await;
    }
    let analysis = app.analyze(other_scan).await;
    for path in ["", "/report", "/dicom", "/dicom/report"] {
        let path = format!("/api/analyses/{analysis}{path}");
        let response = ask(&app, &pacs, &Method::GET, &path).await;
        problem(response, StatusCode::NOT_FOUND, "analysis_not_found").await;
    }
    let response = ask(
        &app,
        &pacs,
        &Method::POST,
        &format!("/api/scans/{other_scan}/analyze"),
    )
    .await;
    problem(response, StatusCode::NOT_FOUND, "scan_not_found").await;

    // The key that comes after it has its scope; a key of another scope sees nothing.
    for (scope, total) in [("pacs", 1), ("ris", 0)] {
        let key = make_key(&app.database, "later", &[Role::Integrator], |key| {
            key.scope = scope.to_owned();
        })
        .await;
        let later = client(Some(&key));
        let listed: Value = ask(&app, &later, &Method::GET, "/api/scans")
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(listed["total"], total, "{scope}");
    }

    let patient = app.create_patient("Anna", "Petrova").await;
    let form = form("own.zip", b"x").text("patient_id", patient["id"].as_str().unwrap().to_owned());
    let response = pacs
        .post(format!("{}/api/scans", app.base))
        .multipart(form)
        .send()
        .await
        .unwrap();
    problem(response, StatusCode::FORBIDDEN, "forbidden").await;
}

#[tokio::test]
async fn readiness_tells_its_dependencies_to_operators_only() {
    let app = spawn_app().await;
    let known = app.get_json("/readyz").await;
    assert_eq!(known["dependencies"].as_array().unwrap().len(), 3);
    let nobody = ask(&app, &app.nobody, &Method::GET, "/readyz").await;
    assert_eq!(nobody.status(), StatusCode::OK);
    let nobody: Value = nobody.json().await.unwrap();
    assert_eq!(
        (&nobody["ready"], &nobody["dependencies"]),
        (&true.into(), &Value::Array(Vec::new()))
    );
}
