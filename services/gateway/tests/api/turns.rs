//! Who waits for whom: what is urgent goes first, and may not be everybody's.

use norma_database::Owner;
use norma_domain::{Priority, Role, ScanId};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, client, form, id_of, make_key, problem, spawn_app, spawn_app_with};

async fn send(app: &App, key: &str, path: &str) -> Response {
    let request = client(Some(key)).request(Method::POST, format!("{}{path}", app.base));
    request.header("prefer", "respond-async").send().await.unwrap()
}

async fn predict(app: &App, key: &str, query: &str) -> Response {
    let path = format!("{}/inference/predict{query}", app.base);
    let request = client(Some(key)).request(Method::POST, path);
    let request = request.header("prefer", "wait=0");
    request.multipart(form("a.zip", b"a study")).send().await.unwrap()
}

async fn waiting(app: &App, priority: Priority) -> u64 {
    let lanes = app.database.waiting_lanes().await.unwrap();
    lanes.iter().find(|lane| lane.priority == priority).unwrap().count
}

#[tokio::test]
async fn the_lowest_key_asks_for_nothing_urgent() {
    let app = spawn_app().await;
    let key = make_key(&app.database, "attacker", &[Role::Integrator], |_| {}).await;
    for _ in 0..20 {
        let refused = predict(&app, &key, "?priority=urgent").await;
        let told = problem(refused, StatusCode::FORBIDDEN, "urgent_not_permitted").await;
        assert_eq!(told["allowed"], json!(["clinician"]));
    }
    let scans = app.get_json("/api/scans").await;
    assert_eq!(scans["total"], 0, "nothing of it was stored");
    // A word that is none is no way around.
    for query in [
        "?priority=stat",
        "?priority=URGENT",
        "?priority=urgent&priority=routine",
    ] {
        let refused = predict(&app, &key, query).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{query}");
    }
    let accepted = predict(&app, &key, "?priority=routine").await;
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    assert_eq!(waiting(&app, Priority::Urgent).await, 0);

    let scan_id = app.get_json("/api/scans").await["items"][0]["id"].clone();
    let scan_id = scan_id.as_str().unwrap();
    let refused = send(
        &app,
        &key,
        &format!("/api/scans/{scan_id}/analyze?priority=urgent"),
    )
    .await;
    problem(refused, StatusCode::FORBIDDEN, "urgent_not_permitted").await;
    assert_eq!(waiting(&app, Priority::Urgent).await, 0, "nor is it raised");
}

#[tokio::test]
async fn a_site_may_let_its_machines_ask() {
    let app = spawn_app_with(|options| {
        options.urgent_roles = norma_domain::Roles::of(&[Role::Integrator]);
    })
    .await;
    let key = make_key(&app.database, "emergency", &[Role::Integrator], |_| {}).await;
    let accepted = predict(&app, &key, "?priority=urgent").await;
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    let clinician = make_key(&app.database, "clinician", &[Role::Clinician], |_| {}).await;
    let refused = predict(&app, &clinician, "?priority=urgent").await;
    problem(refused, StatusCode::FORBIDDEN, "urgent_not_permitted").await;
}

#[tokio::test]
async fn an_urgent_study_is_told_where_it_stands() {
    let app = spawn_app().await;
    let mut routine = Vec::new();
    for number in 0..4 {
        let scan_id = app.upload(format!("study {number}").as_bytes()).await;
        routine.push(app.analyze(scan_id).await);
    }
    let place = async |id: &str| app.get_json(&format!("/api/analyses/{id}")).await["place"].clone();
    let last = routine[3].to_string();
    assert_eq!(place(&last).await["ahead"], 3);

    let scan_id = app.upload(b"emergency").await;
    let path = format!("/api/scans/{scan_id}/analyze?priority=urgent");
    let urgent: Value = app.post_async(&path).await.json().await.unwrap();
    assert_eq!(urgent["priority"], "urgent");
    assert_eq!(
        urgent["place"],
        json!({"ahead": 0, "estimated_wait_seconds": null})
    );
    assert_eq!(place(&last).await["ahead"], 4, "behind the urgent one, too");

    // While it waits, a routine one can become urgent.
    let analysis = app.get_json(&format!("/api/analyses/{last}")).await;
    assert_eq!(analysis["priority"], "routine");
    let scan_id: ScanId = analysis["scan_id"].as_str().unwrap().parse().unwrap();
    let path = format!("/api/scans/{scan_id}/analyze?priority=urgent");
    let raised: Value = app.post_async(&path).await.json().await.unwrap();
    // Of two urgent ones of one caller the older.
    assert_eq!(
        (&raised["id"], &raised["priority"], &raised["place"]["ahead"]),
        (&json!(last), &json!("urgent"), &json!(0))
    );
    assert_eq!(place(urgent["id"].as_str().unwrap()).await["ahead"], 1);
    let running = app.get(&format!("/api/scans/{scan_id}/report")).await;
    let told = problem(running, StatusCode::CONFLICT, "analysis_running").await;
    assert_eq!(told["analysis"]["place"]["ahead"], 0);

    let ids: Vec<Value> = vec![scan_id.to_string().into()];
    let body = json!({"scan_ids": ids, "priority": "urgent"});
    let many = app.send_json(Method::POST, "/api/analyses", &body).await;
    assert_eq!(many.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn as_many_urgent_ones_as_may_be_and_no_more() {
    let app = spawn_app_with(|options| options.urgent_at_once_per_identity = 2).await;
    let key = make_key(&app.database, "busy", &[Role::Clinician], |_| {}).await;
    let first: Value = predict(&app, &key, "?priority=urgent")
        .await
        .json()
        .await
        .unwrap();
    predict(&app, &key, "?priority=urgent").await;
    let refused = predict(&app, &key, "?priority=urgent").await;
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, StatusCode::TOO_MANY_REQUESTS, "too_many_urgent").await;
    let scans = app.get_json("/api/scans").await;
    assert_eq!(scans["total"], 2, "nothing of what was refused is left");
    // It goes in as a routine one.
    assert_eq!(predict(&app, &key, "").await.status(), StatusCode::ACCEPTED);

    let scan_id: ScanId = first["studies"][0]["scan_id"].as_str().unwrap().parse().unwrap();
    let running = app.database.latest_analysis(scan_id).await.unwrap().unwrap();
    app.fail(running.id).await;
    assert_eq!(
        predict(&app, &key, "?priority=urgent").await.status(),
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn turns_are_taken_by_who_asks_not_by_whose_study_it_is() {
    let app = spawn_app().await;
    let key = make_key(&app.database, "mass run", &[Role::Integrator], |_| {}).await;
    for _ in 0..12 {
        assert_eq!(predict(&app, &key, "").await.status(), StatusCode::ACCEPTED);
    }
    // Another account's analysis of a study of the same key.
    let scans = app.get_json("/api/scans?limit=1").await;
    let scan_id: ScanId = id_of(&scans["items"][0]);
    let running = app.database.latest_analysis(scan_id).await.unwrap().unwrap();
    app.fail(running.id).await;
    let path = format!("/api/scans/{scan_id}/analyze");
    let again: Value = app.post_async(&path).await.json().await.unwrap();
    let ahead = again["place"]["ahead"].as_u64().unwrap();
    assert!(ahead <= 1, "{ahead} of the mass run are ahead");
    let owner = Owner::Scope("mass run".to_owned());
    assert_eq!(app.database.stored_work(Some(owner)).await.unwrap().scans, 12);
}
