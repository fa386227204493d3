//! The systems that a node speaks with, the studies that come, and the rules for them.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use norma_database::{ArrivingStudy, CallerTraffic, DeliveryProblem, PullWish, WaitsFor};
use norma_domain::{CountedBy, InstanceCount};
use norma_service::Settings;
use norma_test_support::servers::free_port;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::app::{App, problem, spawn_app, spawn_app_of};

const CONNECTIONS: &str = "/api/pacs/connections";

async fn echo(app: &App, peer: &str) -> reqwest::Response {
    let path = format!("{CONNECTIONS}/{peer}/echo");
    app.request(Method::POST, &path).send().await.unwrap()
}

fn set(settings: &mut Settings, port: u16) {
    let yaml = format!(
        "pacs:
  enabled: true
  sources:
    archive: {{ ae_title: ARCHIVE, host: 127.0.0.1, port: {port} }}
  destinations:
    archive: {{ ae_title: ARCHIVE, host: 127.0.0.1, port: {port} }}
    web: {{ url: 'https://pacs.example/dicom-web', authorization: Bearer secret }}
    ris: {{ kind: hl7, host: ris.example, port: 2575 }}
routing:
  rules:
    - {{ name: not the chest, when: {{ body_part: [HEAD, '*SPINE*'] }}, analyze: false }}
    - {{ name: emergency, when: {{ calling: CT1 }}, priority: urgent, operating_point: sensitivity_95, destinations: [ris] }}
"
    );
    let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    std::fs::write(file.path(), yaml).unwrap();
    let changed = Settings::load(Some(file.path())).unwrap();
    settings.pacs = changed.pacs;
    settings.routing = changed.routing;
}

#[tokio::test]
async fn peers_are_listed_without_secrets_and_asked_whether_they_are_there() {
    let port = free_port();
    let app = spawn_app_of(|settings| set(settings, port)).await;
    let listed = app.get_json(CONNECTIONS).await;
    assert_eq!(
        listed["node"],
        json!({ "ae_title": "NORMA", "address": "127.0.0.1:11112", "is_encrypted": false })
    );
    assert!(!listed.to_string().contains("secret"), "{listed}");
    let items = listed["items"].as_array().unwrap();
    let told: Vec<[&str; 4]> = items
        .iter()
        .map(|item| ["way", "name", "service", "address"].map(|name| item[name].as_str().unwrap()))
        .collect();
    let address = format!("127.0.0.1:{port}");
    assert_eq!(
        told,
        [
            ["source", "archive", "dicom", &address],
            ["destination", "archive", "dicom", &address],
            ["destination", "ris", "hl7", "ris.example:2575"],
            ["destination", "web", "dicom_web", "https://pacs.example"],
        ]
    );
    let of = |name: &str| {
        items
            .iter()
            .map(|item| item[name].clone())
            .collect::<Vec<Value>>()
    };
    assert_eq!(of("can_echo"), [true, true, false, false].map(Value::from));
    assert_eq!(of("is_encrypted"), [false, false, false, true].map(Value::from));
    assert_eq!(of("last_success_at"), [const { Value::Null }; 4]);

    let absent: Value = echo(&app, "source/archive").await.json().await.unwrap();
    assert_eq!(
        (&absent["is_there"], &absent["reason_code"]),
        (&json!(false), &json!("peer_unreachable"))
    );
    // Who listens and says nothing of DICOM is not there.
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let hangs_up: Value = echo(&app, "destination/archive").await.json().await.unwrap();
    assert_eq!(hangs_up["reason_code"], "connection_lost", "{hangs_up}");
    problem(
        echo(&app, "destination/ris").await,
        StatusCode::CONFLICT,
        "no_echo",
    )
    .await;
    problem(
        echo(&app, "source/web").await,
        StatusCode::NOT_FOUND,
        "connection_not_found",
    )
    .await;
    let unknown = echo(&app, "elsewhere/archive").await;
    assert_eq!(unknown.status(), StatusCode::BAD_REQUEST);

    // What was pulled, and what was not.
    let wish = |id: &str| PullWish::Studies {
        study_instance_uid: None,
        accession_number: None,
        patient_id: Some(id.to_owned()),
        issuer_of_patient_id: None,
    };
    let ask = |id: &str| app.database.ask_for_pull("archive".to_owned(), wish(id));
    let lease = Duration::from_secs(60);
    ask("P-1").await.unwrap();
    let claimed = app
        .database
        .claim_pull("archive".to_owned(), lease)
        .await
        .unwrap();
    app.database.finish_pull(&claimed.unwrap()).await.unwrap();
    ask("P-2").await.unwrap();
    let claimed = app
        .database
        .claim_pull("archive".to_owned(), lease)
        .await
        .unwrap();
    let refused = DeliveryProblem {
        code: "refused_by_peer".into(),
        peer_status: Some("A900".to_owned()),
    };
    let claimed = claimed.unwrap();
    app.database
        .note_pull_problem(&claimed, refused, None)
        .await
        .unwrap();
    let listed = app.get_json(CONNECTIONS).await;
    let source = &listed["items"][0];
    assert!(source["last_success_at"].is_string() && source["last_failure_at"].is_string());
    assert_eq!(source["last_failure_code"], "refused_by_peer");
    assert_eq!(source["last_peer_status"], "A900");
}

#[tokio::test]
async fn who_sends_and_what_comes_is_told() {
    let app = spawn_app().await;
    let empty = json!({ "node": null, "items": [], "callers": [] });
    assert_eq!(app.get_json(CONNECTIONS).await, empty);
    assert_eq!(app.get_json("/api/pacs/arrivals").await, json!({ "items": [] }));
    let traffic = |title: &str, taken, refused: u32| CallerTraffic {
        ae_title: title.to_owned(),
        taken,
        refused,
        refusal: (refused > 0).then(|| "0111".to_owned()),
    };
    for all in [
        vec![traffic("CT1", 7, 0), traffic("CT2", 0, 1)],
        vec![traffic("CT1", 3, 2), traffic("CT3", 1, 0)],
    ] {
        app.database.note_pacs_traffic(all, 2).await.unwrap();
    }
    let callers = app.get_json(CONNECTIONS).await["callers"].clone();
    assert_eq!(
        callers.as_array().unwrap().len(),
        2,
        "no more are known: {callers}"
    );
    assert_eq!(
        (
            &callers[0]["ae_title"],
            &callers[0]["taken"],
            &callers[0]["refused"]
        ),
        (&json!("CT1"), &json!(10), &json!(2))
    );
    assert_eq!(callers[0]["last_refusal"], "0111");
    assert!(callers[1]["last_refused_at"].is_string());

    let first_at = Utc::now() - TimeDelta::seconds(90);
    let study = ArrivingStudy {
        study_key: "ab".to_owned(),
        study_instance_uid: Some("1.2.3".to_owned()),
        callers: vec!["CT1".to_owned()],
        instances: 37,
        count: Some(InstanceCount {
            came: 37,
            expected: Some(154),
            counted_by: CountedBy::Mpps,
        }),
        waits_for: WaitsFor::Instances,
        first_at,
        last_at: first_at,
        at_latest: Some(first_at + TimeDelta::minutes(30)),
    };
    let (one, other) = (Uuid::new_v4(), Uuid::new_v4());
    let note = |node, studies| app.database.note_arriving_studies(node, studies);
    note(one, vec![study.clone()]).await.unwrap();
    let later = ArrivingStudy {
        study_key: "cd".to_owned(),
        study_instance_uid: None,
        count: None,
        waits_for: WaitsFor::Quiet,
        first_at: Utc::now(),
        ..study
    };
    note(other, vec![later]).await.unwrap();
    let coming = app.get_json("/api/pacs/arrivals").await["items"].clone();
    assert_eq!(coming.as_array().unwrap().len(), 2, "of all gateways: {coming}");
    let told = ["came", "expected", "counted_by", "waits_for"].map(|name| coming[0][name].clone());
    assert_eq!(told, [json!(37), json!(154), json!("mpps"), json!("instances")]);
    assert_eq!(coming[0]["study_instance_uid"], "1.2.3");
    assert_eq!(
        (&coming[1]["waits_for"], &coming[1]["expected"]),
        (&json!("quiet"), &Value::Null)
    );
    note(one, Vec::new()).await.unwrap();
    let coming = app.get_json("/api/pacs/arrivals").await["items"].clone();
    assert_eq!(coming.as_array().unwrap().len(), 1, "{coming}");
}

#[tokio::test]
async fn the_rules_of_the_settings_are_listed_in_their_order() {
    let app = spawn_app_of(|settings| set(settings, 104)).await;
    let rules = app.get_json("/api/routing/rules").await["items"].clone();
    assert_eq!(
        rules[0],
        json!({
            "name": "not the chest",
            "conditions": [{ "attribute": "body_part", "patterns": ["HEAD", "*SPINE*"] }],
            "analyze": false, "operating_point": null, "destinations": null, "priority": null,
        })
    );
    assert_eq!(
        rules[1],
        json!({
            "name": "emergency",
            "conditions": [{ "attribute": "calling", "patterns": ["CT1"] }],
            "analyze": true, "operating_point": "sensitivity_95", "destinations": ["ris"], "priority": "urgent",
        })
    );
}
