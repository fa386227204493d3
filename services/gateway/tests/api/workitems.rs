//! UPS-RS: work items are created, claimed, progressed and ended by others, and performed by Norma where they are its own.

use std::time::{Duration, Instant};

use norma_domain::{AnalysisId, Role, ScanId};
use norma_imaging::{Limits, list_studies, load_chest_series};
use norma_phantom::{PhantomOptions, phantom_zip};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, client, make_key, problem, spawn_app};
use crate::dicom_results::answered_phantom;
use crate::worker::Says;

pub(crate) const JSON: &str = "application/dicom+json";
const STATE: &str = "00741000";

pub(crate) fn value(representation: &str, value: &str) -> Value {
    json!({ "vr": representation, "Value": [value] })
}

fn code(value: &str) -> Value {
    json!({ "vr": "SQ", "Value": [{
        "00080100": { "vr": "SH", "Value": [value] },
        "00080102": { "vr": "SH", "Value": ["99TEST"] },
        "00080104": { "vr": "LO", "Value": [value] },
    }] })
}

/// What a new work item has to say at least, for this station and about this study.
pub(crate) fn item(station: Option<&str>, study: Option<&str>) -> Value {
    let mut item = json!({
        STATE: value("CS", "SCHEDULED"),
        "00741200": value("CS", "MEDIUM"),
        "00741204": value("LO", "Chest CT triage"),
        "00404005": value("DT", "20261128093000"),
        "00404041": value("CS", "READY"),
        "00100020": value("LO", "P-1"),
    });
    if let Some(station) = station {
        item["00404025"] = code(station);
    }
    if let Some(study) = study {
        item["00404021"] = json!({ "vr": "SQ", "Value": [{ "0020000D": value("UI", study) }] });
    }
    item
}

pub(crate) fn send(app: &App, method: Method, path: &str, body: &Value) -> RequestBuilder {
    app.request(method, &format!("/dicom-web{path}"))
        .header("content-type", JSON)
        .body(body.to_string())
}

pub(crate) async fn create(app: &App, uid: &str, item: &Value) -> Response {
    let sent = send(app, Method::POST, &format!("/workitems?{uid}"), &json!([item]));
    sent.send().await.unwrap()
}

async fn set_state(app: &App, uid: &str, state: &str, transaction: Option<&str>) -> Response {
    let mut body = json!({ STATE: value("CS", state) });
    if let Some(transaction) = transaction {
        body["00081195"] = value("UI", transaction);
    }
    let sent = send(app, Method::PUT, &format!("/workitems/{uid}/state"), &body);
    sent.send().await.unwrap()
}

async fn update(app: &App, uid: &str, transaction: Option<&str>, body: Value) -> Response {
    let query = transaction.map(|transaction| format!("?transaction-uid={transaction}"));
    let path = format!("/workitems/{uid}{}", query.unwrap_or_default());
    send(app, Method::POST, &path, &body).send().await.unwrap()
}

pub(crate) async fn read(app: &App, uid: &str) -> Value {
    let answer = app.get(&format!("/dicom-web/workitems/{uid}")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], JSON);
    let documents: Value = answer.json().await.unwrap();
    documents[0].clone()
}

fn first<'a>(document: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(document, |at, tag| &at[*tag]["Value"][0])
}

fn warning(answer: &Response) -> String {
    let warning = answer
        .headers()
        .get("warning")
        .map(|warning| warning.to_str().unwrap());
    warning.unwrap_or_default().to_owned()
}

async fn refused(answer: Response, status: StatusCode, code: &str, words: &str) {
    let told = warning(&answer);
    assert!(
        told.starts_with("299 http") != words.is_empty() && told.ends_with(words),
        "{told}"
    );
    problem(answer, status, code).await;
}

#[tokio::test]
async fn a_work_item_is_created_claimed_progressed_and_completed() {
    let app = spawn_app().await;
    let created = create(&app, "1.2.1", &item(Some("OTHER"), Some("1.2.3"))).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(
        created.headers()["location"],
        format!("{}/dicom-web/workitems/1.2.1", app.base)
    );
    assert!(warning(&created).ends_with(": The Workitem was created with modifications."));
    refused(
        create(&app, "1.2.1", &item(None, None)).await,
        StatusCode::CONFLICT,
        "workitem_exists",
        "",
    )
    .await;
    let document = read(&app, "1.2.1").await;
    assert_eq!(first(&document, &["00080018"]), "1.2.1");
    assert_eq!(first(&document, &["00080016"]), "1.2.840.10008.5.1.4.34.6.1");
    assert!(document.get("00081195").is_none() && document.get("00741202").is_some());

    // Nobody has claimed it.
    let wrong = set_state(&app, "1.2.1", "COMPLETED", Some("1.9")).await;
    let inconsistent = "The submitted request is inconsistent with the state of the UPS Instance.";
    refused(wrong, StatusCode::CONFLICT, "workitem_state", inconsistent).await;
    let missing = "The Transaction UID is missing.";
    let wrong = set_state(&app, "1.2.1", "IN PROGRESS", None).await;
    refused(wrong, StatusCode::BAD_REQUEST, "transaction_uid_missing", missing).await;
    let relabelled = json!({ "00741204": value("LO", "Read it") });
    assert_eq!(
        update(&app, "1.2.1", None, relabelled).await.status(),
        StatusCode::OK
    );

    let claimed = set_state(&app, "1.2.1", "IN PROGRESS", Some("1.9")).await;
    assert_eq!(claimed.status(), StatusCode::OK);
    let wrong = set_state(&app, "1.2.1", "IN PROGRESS", Some("1.10")).await;
    refused(wrong, StatusCode::CONFLICT, "workitem_state", inconsistent).await;
    assert!(
        read(&app, "1.2.1").await.get("00081195").is_none(),
        "nobody is told the key"
    );

    let progress = json!({ "00741002": { "vr": "SQ", "Value": [{ "00741004": value("DS", "50") }] } });
    let wrong = update(&app, "1.2.1", None, progress.clone()).await;
    refused(wrong, StatusCode::BAD_REQUEST, "transaction_uid_missing", missing).await;
    let wrong = update(&app, "1.2.1", Some("1.10"), progress.clone()).await;
    let incorrect = "The Transaction UID is incorrect.";
    refused(wrong, StatusCode::BAD_REQUEST, "transaction_uid_wrong", incorrect).await;
    assert_eq!(
        update(&app, "1.2.1", Some("1.9"), progress).await.status(),
        StatusCode::OK
    );

    // What was performed has to be told before it is completed.
    let early = set_state(&app, "1.2.1", "COMPLETED", Some("1.9")).await;
    refused(early, StatusCode::CONFLICT, "workitem_state", inconsistent).await;
    let performed = json!({ "00741216": { "vr": "SQ", "Value": [{
        "00404028": code("OTHER"),
        "00404019": code("READ"),
        "00404050": value("DT", "20261128093000"),
        "00404051": value("DT", "20261128094000"),
        "00404033": { "vr": "SQ" },
    }] } });
    assert_eq!(
        update(&app, "1.2.1", Some("1.9"), performed).await.status(),
        StatusCode::OK
    );
    let wrong = set_state(&app, "1.2.1", "COMPLETED", Some("1.10")).await;
    refused(wrong, StatusCode::BAD_REQUEST, "transaction_uid_wrong", incorrect).await;
    let completed = set_state(&app, "1.2.1", "COMPLETED", Some("1.9")).await;
    assert_eq!(completed.status(), StatusCode::OK);
    assert_eq!(first(&read(&app, "1.2.1").await, &[STATE]), "COMPLETED");
    let again = set_state(&app, "1.2.1", "COMPLETED", Some("1.9")).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert!(warning(&again).ends_with(": The UPS is already in the requested state of COMPLETED."));
    let wrong = update(&app, "1.2.1", Some("1.9"), json!({})).await;
    refused(wrong, StatusCode::CONFLICT, "workitem_state", inconsistent).await;
    let wrong = set_state(&app, "1.2.1", "CANCELED", Some("1.9")).await;
    refused(wrong, StatusCode::CONFLICT, "workitem_state", inconsistent).await;
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named_and_nothing_kept() {
    let app = spawn_app().await;
    for (tag, given) in [
        (STATE, None),
        (STATE, Some("IN PROGRESS")),
        ("00741200", Some("URGENT")),
        ("00741204", None),
        ("00404005", None),
        ("00404041", Some("SOON")),
        ("00081195", Some("1.9")),
    ] {
        let mut wrong = item(None, None);
        match given {
            Some(given) => wrong[tag] = value("CS", given),
            None => drop(wrong.as_object_mut().unwrap().remove(tag)),
        }
        refused(
            create(&app, "1.2.1", &wrong).await,
            StatusCode::BAD_REQUEST,
            "workitem_invalid",
            "",
        )
        .await;
    }
    for uid in ["no-uid", "1..2", "1.2%00"] {
        let wrong = create(&app, uid, &item(None, None)).await;
        refused(wrong, StatusCode::BAD_REQUEST, "workitem_invalid", "").await;
    }
    for body in [
        "",
        "[]",
        "{\"x\":1}",
        "[{},{}]",
        "{\"00741000\":{\"vr\":\"SQ\",\"Value\":[1]}}",
    ] {
        let sent = app
            .request(Method::POST, "/dicom-web/workitems?1.2.1")
            .header("content-type", JSON)
            .body(body);
        let answer = sent.send().await.unwrap();
        refused(answer, StatusCode::BAD_REQUEST, "workitem_not_readable", "").await;
    }
    let sent = app.request(Method::POST, "/dicom-web/workitems?1.2.1");
    let sent = sent.header("content-type", "application/dicom").body("<x/>");
    problem(
        sent.send().await.unwrap(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
    )
    .await;
    let nothing = app.get("/dicom-web/workitems").await;
    assert_eq!(nothing.status(), StatusCode::NO_CONTENT);
    refused(
        app.get("/dicom-web/workitems/1.2.1").await,
        StatusCode::NOT_FOUND,
        "workitem_not_found",
        "",
    )
    .await;
}

async fn found(app: &App, query: &str) -> Vec<String> {
    let answer = app.get(&format!("/dicom-web/workitems{query}")).await;
    if answer.status() == StatusCode::NO_CONTENT {
        return Vec::new();
    }
    assert_eq!(answer.status(), StatusCode::OK);
    let documents: Value = answer.json().await.unwrap();
    let documents = documents.as_array().unwrap().iter();
    documents
        .map(|document| first(document, &["00080018"]).as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn work_items_are_found_by_what_they_say_and_by_those_who_may_see_them() {
    let app = spawn_app().await;
    for (uid, station) in [("1.1", "A"), ("1.2", "B"), ("1.3", "A")] {
        create(&app, uid, &item(Some(station), None)).await;
    }
    let key = make_key(&app.database, "lab", &[Role::Integrator], |_| {}).await;
    let lab = client(Some(&key));
    let url = format!("{}/dicom-web/workitems", app.base);
    let own = lab.post(format!("{url}?2.1")).header("content-type", JSON);
    let own = own.body(item(Some("A"), None).to_string()).send().await.unwrap();
    assert_eq!(own.status(), StatusCode::CREATED);

    assert_eq!(found(&app, "").await, ["1.1", "1.2", "1.3", "2.1"]);
    assert_eq!(
        found(
            &app,
            "?ScheduledStationNameCodeSequence.CodeValue=A&limit=1&offset=1"
        )
        .await,
        ["1.3"]
    );
    assert_eq!(
        found(&app, "?ProcedureStepState=SCHEDULED&00100020=P-?")
            .await
            .len(),
        4
    );
    assert_eq!(
        found(&app, "?ProcedureStepState=COMPLETED").await,
        Vec::<String>::new()
    );
    let seen: Value = lab.get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!(seen.as_array().unwrap().len(), 1);
    let hidden = lab.get(format!("{url}/1.1")).send().await.unwrap();
    refused(hidden, StatusCode::NOT_FOUND, "workitem_not_found", "").await;
    let hidden = lab.post(format!("{url}/1.1/cancelrequest")).send().await.unwrap();
    refused(hidden, StatusCode::NOT_FOUND, "workitem_not_found", "").await;
    problem(
        app.get("/dicom-web/workitems?NoSuchKeyword=1").await,
        StatusCode::BAD_REQUEST,
        "invalid_parameter",
    )
    .await;
    let nobody = app.nobody.get(&url).send().await.unwrap();
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn who_asks_to_cancel_is_heard_or_told_why_not() {
    let app = spawn_app().await;
    let cancel = async |uid: &str| {
        app.post(&format!("/dicom-web/workitems/{uid}/cancelrequest"))
            .await
    };
    create(&app, "1.1", &item(Some("A"), None)).await;
    assert_eq!(cancel("1.1").await.status(), StatusCode::ACCEPTED);
    let document = read(&app, "1.1").await;
    assert_eq!(first(&document, &[STATE]), "CANCELED");
    assert_eq!(first(&document, &["00741002", "0074100E", "00080100"]), "110513");
    let again = cancel("1.1").await;
    assert_eq!(again.status(), StatusCode::ACCEPTED);
    assert!(warning(&again).ends_with(": The UPS is already in the requested state of CANCELED."));

    create(&app, "1.2", &item(Some("A"), None)).await;
    set_state(&app, "1.2", "IN PROGRESS", Some("1.9")).await;
    let unheard = "The performer cannot be contacted.";
    refused(
        cancel("1.2").await,
        StatusCode::CONFLICT,
        "performer_not_reached",
        unheard,
    )
    .await;
    let subscribed = app.post("/dicom-web/workitems/1.2/subscribers/PERFORMER").await;
    assert_eq!(subscribed.status(), StatusCode::CREATED);
    assert_eq!(cancel("1.2").await.status(), StatusCode::ACCEPTED);
    assert_eq!(
        first(&read(&app, "1.2").await, &[STATE]),
        "IN PROGRESS",
        "its performer decides"
    );
    let reasons = json!({ "00741002": { "vr": "SQ", "Value": [{
        "00404052": value("DT", "20261128094000"),
        "0074100E": code("110513"),
    }] } });
    let early = set_state(&app, "1.2", "CANCELED", Some("1.9")).await;
    assert_eq!(early.status(), StatusCode::CONFLICT, "it has no reason yet");
    update(&app, "1.2", Some("1.9"), reasons).await;
    assert_eq!(
        set_state(&app, "1.2", "CANCELED", Some("1.9")).await.status(),
        StatusCode::OK
    );
}

async fn in_state(app: &App, uid: &str, state: &str) -> Value {
    let since = Instant::now();
    loop {
        let document = read(app, uid).await;
        if first(&document, &[STATE]) == state {
            return document;
        }
        assert!(
            since.elapsed() < Duration::from_secs(60),
            "it stays {}",
            first(&document, &[STATE])
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A phantom as an archive, and its Study Instance UID.
fn phantom() -> (Vec<u8>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("phantom.zip");
    phantom_zip(&PhantomOptions::small(), &file).unwrap();
    let study = list_studies(&file, &Limits::default()).unwrap().remove(0);
    let series = load_chest_series(&study, &Limits::default()).unwrap();
    let uid = series.study.study_instance_uid.unwrap().as_str().to_owned();
    (std::fs::read(&file).unwrap(), uid)
}

#[tokio::test]
async fn norma_performs_what_is_its_own_and_names_what_it_made() {
    let app = spawn_app().await;
    let (_, study) = phantom();
    answered_phantom(&app, Says::Pathology(0.9)).await;
    create(&app, "1.1", &item(Some("NORMA"), Some(&study))).await;
    create(&app, "1.2", &item(Some("OTHER"), Some(&study))).await;
    create(&app, "1.3", &item(None, Some(&study))).await;
    let mut not_ready = item(Some("NORMA"), Some(&study));
    not_ready["00404041"] = value("CS", "INCOMPLETE");
    create(&app, "1.4", &not_ready).await;
    let document = in_state(&app, "1.1", "COMPLETED").await;
    assert_eq!(first(&document, &["00741216", "00404028", "00080100"]), "NORMA");
    assert_eq!(first(&document, &["00741002", "00741004"]), "100");
    let outputs = document["00741216"]["Value"][0]["00404033"]["Value"]
        .as_array()
        .unwrap();
    assert!(
        outputs.len() >= 3,
        "report, pictures and key objects: {outputs:?}"
    );
    for output in outputs {
        assert_eq!(first(output, &["0020000D"]), &json!(study));
        let url = first(output, &["0040E025", "00081190"]).as_str().unwrap();
        // What is named can be had.
        let had = app
            .client
            .get(format!("{url}/metadata"))
            .header("accept", JSON)
            .send()
            .await
            .unwrap();
        assert_eq!(had.status(), StatusCode::OK, "{url}");
        let had: Value = had.json().await.unwrap();
        let mut had: Vec<_> = had
            .as_array()
            .unwrap()
            .iter()
            .map(|had| first(had, &["00080018"]))
            .collect();
        let named = output["00081199"]["Value"].as_array().unwrap();
        let mut named: Vec<_> = named.iter().map(|named| first(named, &["00081155"])).collect();
        let by_text = |one: &&Value, other: &&Value| one.to_string().cmp(&other.to_string());
        had.sort_by(by_text);
        named.sort_by(by_text);
        assert_eq!(had, named);
    }
    for uid in ["1.2", "1.3", "1.4"] {
        assert_eq!(
            first(&read(&app, uid).await, &[STATE]),
            "SCHEDULED",
            "{uid} is not Norma's, or not ready"
        );
    }
    let ready = json!({ "00404041": value("CS", "READY") });
    assert_eq!(update(&app, "1.4", None, ready).await.status(), StatusCode::OK);
    in_state(&app, "1.4", "COMPLETED").await;
}

#[tokio::test]
async fn a_study_that_comes_later_is_analysed_then_and_a_failure_is_canceled_with_its_reason() {
    let app = spawn_app().await;
    let (archive, study) = phantom();
    create(&app, "1.1", &item(Some("NORMA"), Some(&study))).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        first(&read(&app, "1.1").await, &[STATE]),
        "SCHEDULED",
        "its study is not here"
    );
    let scan_id: ScanId = app.upload(&archive).await;
    in_state(&app, "1.1", "IN PROGRESS").await;
    let busy = app.post("/dicom-web/workitems/1.1/cancelrequest").await;
    let words = "Performer chooses not to cancel.";
    refused(busy, StatusCode::CONFLICT, "workitem_not_canceled", words).await;
    let since = Instant::now();
    let analysis_id: AnalysisId = loop {
        let scan = app.database.scan(scan_id).await.unwrap().unwrap();
        if let Some(id) = scan.latest_analysis_id {
            break id;
        }
        assert!(
            since.elapsed() < Duration::from_secs(30),
            "no analysis is requested"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    app.fail(analysis_id).await;
    let document = in_state(&app, "1.1", "CANCELED").await;
    let progress = &document["00741002"]["Value"][0];
    assert!(first(progress, &["00404052"]).is_string());
    let reasons = progress["0074100E"]["Value"].as_array().unwrap();
    assert_eq!(reasons.len(), 2);
    assert_eq!(reasons[1]["00080102"]["Value"][0], "99NORMA");
    let words = first(progress, &["00741238"]).as_str().unwrap();
    let code = [&reasons[1]["00080100"], &reasons[1]["00080119"]]
        .into_iter()
        .find_map(|code| code["Value"][0].as_str());
    assert!(words.starts_with(code.unwrap()), "{words}");
    // What names no study, or several, is canceled at once.
    create(&app, "1.2", &item(Some("NORMA"), None)).await;
    let document = in_state(&app, "1.2", "CANCELED").await;
    let words = first(&document, &["00741002", "00741238"]).as_str().unwrap();
    assert!(words.starts_with("no_input_study"), "{words}");
}
