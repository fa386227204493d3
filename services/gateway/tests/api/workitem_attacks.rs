//! The worklist under a key of the fewest rights that wants to stop everybody.

use norma_domain::Role;
use reqwest::{Client, Method, StatusCode};
use serde_json::json;

use crate::app::{App, client, make_key, problem, spawn_app};
use crate::workitem_events::Socket;
use crate::workitems::{JSON, item, value};

const WORKLIST: &str = "1.2.840.10008.5.1.4.34.5";

async fn integrator(app: &App, name: &str) -> (String, Client) {
    let key = make_key(&app.database, name, &[Role::Integrator], |_| {}).await;
    let client = client(Some(&key));
    (key, client)
}

async fn send(app: &App, by: &Client, method: Method, path: &str, body: String) -> reqwest::Response {
    by.request(method, format!("{}/dicom-web{path}", app.base))
        .header("content-type", JSON)
        .body(body)
        .send()
        .await
        .unwrap()
}

/// Each update brought more attributes, and each look at the worklist read them all.
#[tokio::test]
async fn a_work_item_does_not_grow_without_end() {
    let app = spawn_app().await;
    let (_, own) = integrator(&app, "grower").await;
    let mut large = item(Some("OTHER"), None);
    large["00091001"] = value("LT", &"x".repeat(70_000));
    let refused = send(&app, &own, Method::POST, "/workitems?1.1", large.to_string()).await;
    problem(refused, StatusCode::BAD_REQUEST, "workitem_invalid").await;
    let made = item(Some("OTHER"), None).to_string();
    let made = send(&app, &own, Method::POST, "/workitems?1.1", made).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let mut answers = Vec::new();
    for number in 0..6 {
        let tag = format!("0009100{number}");
        let more = json!({ tag: value("LT", &"x".repeat(20_000)) }).to_string();
        let answer = send(&app, &own, Method::POST, "/workitems/1.1", more).await;
        answers.push(answer.status().as_u16());
    }
    assert_eq!(answers, [200, 200, 200, 400, 400, 400]);
    // What is there can be replaced still.
    let less = json!({ "00091000": { "vr": "LT" }, "00091001": { "vr": "LT" } }).to_string();
    let answer = send(&app, &own, Method::POST, "/workitems/1.1", less).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

/// What a change tells is kept for every subscriber, 10,000 events of each.
#[tokio::test]
async fn what_subscribers_are_told_is_short() {
    let app = spawn_app().await;
    let (_, own) = integrator(&app, "teller").await;
    let made = item(Some("OTHER"), None).to_string();
    send(&app, &own, Method::POST, "/workitems?1.1", made).await;
    let claim = json!({ "00741000": value("CS", "IN PROGRESS"), "00081195": value("UI", "1.9") });
    let path = "/workitems/1.1/state";
    let claimed = send(&app, &own, Method::PUT, path, claim.to_string()).await;
    assert_eq!(claimed.status(), StatusCode::OK);
    let progress = |length: usize| {
        let said = value("LT", &"x".repeat(length));
        json!({ "00741002": { "vr": "SQ", "Value": [{ "00741006": said }] } }).to_string()
    };
    let path = "/workitems/1.1?transaction-uid=1.9";
    let told = send(&app, &own, Method::POST, path, progress(5_000)).await;
    assert_eq!(told.status(), StatusCode::OK);
    let refused = send(&app, &own, Method::POST, path, progress(20_000)).await;
    problem(refused, StatusCode::BAD_REQUEST, "workitem_invalid").await;
    let path = format!("/workitems/{WORKLIST}/subscribers/WATCH");
    send(&app, &own, Method::POST, &path, String::new()).await;
    let why = json!({ "00741238": value("LT", &"x".repeat(20_000)) }).to_string();
    let asked = send(&app, &own, Method::POST, "/workitems/1.1/cancelrequest", why).await;
    problem(asked, StatusCode::BAD_REQUEST, "workitem_invalid").await;
}

/// Each name costs a row and an event for every work item that anybody makes.
#[tokio::test]
async fn one_key_does_not_subscribe_with_names_without_end() {
    let app = spawn_app().await;
    let (_, own) = integrator(&app, "many names").await;
    let (_, other) = integrator(&app, "another").await;
    let subscribe = async |by: &Client, name: &str| {
        let path = format!("/workitems/{WORKLIST}/subscribers/{name}");
        send(&app, by, Method::POST, &path, String::new()).await
    };
    for number in 0..16 {
        let answer = subscribe(&own, &format!("N{number}")).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{number}");
    }
    let refused = subscribe(&own, "ONE_MORE").await;
    problem(refused, StatusCode::TOO_MANY_REQUESTS, "too_many_subscribers").await;
    assert_eq!(subscribe(&own, "N3").await.status(), StatusCode::CREATED);
    assert_eq!(subscribe(&other, "MINE").await.status(), StatusCode::CREATED);
    let path = format!("/workitems/{WORKLIST}/subscribers/N3");
    let ended = send(&app, &own, Method::DELETE, &path, String::new()).await;
    assert_eq!(ended.status(), StatusCode::OK);
    assert_eq!(subscribe(&own, "ONE_MORE").await.status(), StatusCode::CREATED);
}

/// Each connection asks the database twice a second.
#[tokio::test]
async fn one_key_does_not_listen_over_connections_without_end() {
    let app = spawn_app().await;
    let (own, by) = integrator(&app, "listener").await;
    let (another, _) = integrator(&app, "another").await;
    let path = "/dicom-web/subscribers/WATCH";
    let mut sockets = Vec::new();
    for number in 0..16 {
        let opened = Socket::open(&app, &own, path).await;
        sockets.push(opened.unwrap_or_else(|status| panic!("{number}: {status}")));
    }
    assert_eq!(Socket::open(&app, &own, path).await.err().as_deref(), Some("429"));
    assert!(Socket::open(&app, &another, path).await.is_ok());
    let upgrade = by.get(format!("{}{path}", app.base)).send().await.unwrap();
    problem(upgrade, StatusCode::TOO_MANY_REQUESTS, "too_many_listeners").await;
    sockets.pop();
    let mut is_open = false;
    for _ in 0..50 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        is_open = Socket::open(&app, &own, path).await.is_ok();
        if is_open {
            break;
        }
    }
    assert!(is_open, "a place that was given back is another's");
}

/// However many searches one key sends at once, somebody else's is answered between them.
#[tokio::test(flavor = "multi_thread")]
async fn searches_of_the_worklist_take_turns() {
    let app = spawn_app().await;
    let (_, own) = integrator(&app, "searcher").await;
    let mut searches = tokio::task::JoinSet::new();
    for _ in 0..60 {
        let search = own.get(format!("{}/dicom-web/workitems", app.base)).send();
        searches.spawn(async move { search.await.unwrap().status() });
    }
    let other = app.get("/dicom-web/workitems").await;
    assert_eq!(other.status(), StatusCode::NO_CONTENT);
    let statuses = searches.join_all().await;
    let is_answered =
        |status: &StatusCode| [StatusCode::NO_CONTENT, StatusCode::TOO_MANY_REQUESTS].contains(status);
    assert!(statuses.iter().all(is_answered), "{statuses:?}");
    assert!(statuses.contains(&StatusCode::NO_CONTENT));
}

/// A page on another port of the same host, or of a neighbour of the site, sends the session's cookie along; and what a WebSocket says,
/// no browser keeps from who opened it.
#[tokio::test]
async fn a_page_of_another_origin_hears_nothing_of_the_worklist() {
    let app = spawn_app().await;
    let (_, own) = app.signed_in("anna", &["clinician"]).await;
    let open = async |origin: &str| {
        let request = app
            .nobody
            .get(format!("{}/dicom-web/ws/subscribers/ANNA", app.base))
            .header("cookie", &own.cookie)
            .header("origin", origin)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        request.send().await.unwrap()
    };
    for elsewhere in ["http://127.0.0.1:1", "https://evil.example", "null"] {
        problem(open(elsewhere).await, StatusCode::FORBIDDEN, "cross_origin").await;
    }
    assert_eq!(open(&app.base).await.status(), StatusCode::SWITCHING_PROTOCOLS);
}
