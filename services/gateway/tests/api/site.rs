//! Drift as the page shows it, and thresholds that are proposed, accepted and taken back.

use norma_database::{Decided, NewThresholdProposal, ProposalState};
use norma_domain::{Role, ThresholdProposalId};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, client, id_of, installed, make_key, problem, spawn_app, spawn_app_with};
use crate::worker::Says;

/// A hundred norms of one scanner, read with the models that are installed.
async fn answers(app: &App) {
    for at in 1..=100 {
        let says = Says::Norm(f64::from(at) * 0.001);
        app.answered_but(says, |report| {
            report.bundle = installed().reference().clone();
            let study = report.study.as_mut().unwrap();
            study.manufacturer = Some("SIEMENS".to_owned());
            study.scanner_model = Some("Force".to_owned());
            study.convolution_kernel = Some("Br40d".to_owned());
            study.slice_thickness_mm = Some(1.0);
        })
        .await;
    }
}

async fn post(app: &App, path: &str, body: &Value) -> reqwest::Response {
    app.request(Method::POST, path).json(body).send().await.unwrap()
}

/// A proposal that the gateway made, as it tells it, and what makes one like it.
async fn proposal_and_one_alike(app: &App) -> (Value, NewThresholdProposal) {
    let made = post(app, "/api/threshold-proposals", &json!({"method": "unlabelled"})).await;
    let mut made: Value = made.json().await.unwrap();
    let made = made["proposal"].take();
    let id: ThresholdProposalId = made["id"].as_str().unwrap().parse().unwrap();
    let kept = app.database.threshold_proposal(id).await.unwrap().unwrap();
    let alike = NewThresholdProposal {
        method: kept.method,
        installed_sha256: kept.installed_sha256,
        based_on: None,
        bundle_version: kept.bundle_version,
        bundle_sha256: "d".repeat(64),
        bundle_file: kept.bundle_file,
        report: kept.report,
        created_by: "test".to_owned(),
    };
    (made, alike)
}

async fn decide(app: &App, id: &str, decision: &str) -> reqwest::Response {
    let path = format!("/api/threshold-proposals/{id}/{decision}");
    post(app, &path, &json!({"comment": "agreed"})).await
}

#[tokio::test]
async fn a_proposal_is_made_accepted_and_taken_back() {
    let app = spawn_app().await;
    let asked = json!({"method": "unlabelled"});
    // Without answers there is nothing to propose, and that is told.
    let made = post(&app, "/api/threshold-proposals", &asked).await;
    assert_eq!(made.status(), StatusCode::OK);
    let made: Value = made.json().await.unwrap();
    assert_eq!(
        (
            &made["proposal"],
            &made["nothing_proposed"],
            &made["report"]["profiles"]
        ),
        (&Value::Null, &json!("no_bound"), &json!([]))
    );

    answers(&app).await;
    let made = post(&app, "/api/threshold-proposals", &asked).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let made: Value = made.json().await.unwrap();
    let id = made["proposal"]["id"].as_str().unwrap();
    // A hundred studies leave room for one below.
    assert_eq!(made["report"]["profiles"][0]["threshold"], 0.002);
    assert_eq!(made["nothing_proposed"], Value::Null);
    let listed = app.get_json("/api/threshold-proposals?state=open").await;
    assert_eq!(
        (&listed["total"], &listed["items"][0]["id"]),
        (&json!(1), &json!(id))
    );
    assert_eq!(listed["items"][0]["acts"], false);
    assert_eq!(listed["items"][0]["created_by"], "test");
    let shown = app.get_json(&format!("/api/threshold-proposals/{id}")).await;
    assert_eq!(shown["report"], made["report"]);

    let accepted = decide(&app, id, "accept").await;
    assert_eq!(accepted.status(), StatusCode::OK);
    let accepted: Value = accepted.json().await.unwrap();
    assert_eq!(
        (&accepted["state"], &accepted["acts"]),
        (&json!("accepted"), &json!(true))
    );
    assert_eq!(
        (&accepted["decided_by"], &accepted["comment"]),
        (&json!("test"), &json!("agreed"))
    );
    for decision in ["accept", "decline"] {
        problem(
            decide(&app, id, decision).await,
            StatusCode::CONFLICT,
            "proposal_decided",
        )
        .await;
    }
    // The same studies allow no more than what is in use.
    let again = post(&app, "/api/threshold-proposals", &asked).await;
    assert_eq!(again.status(), StatusCode::OK);
    let again: Value = again.json().await.unwrap();
    assert_eq!(
        (&again["proposal"], &again["nothing_proposed"]),
        (&Value::Null, &json!("already_in_use"))
    );
    let profile = &again["report"]["profiles"][0];
    assert_eq!(
        (
            &profile["already_in_use"],
            &profile["threshold"],
            &profile["threshold_in_use"]
        ),
        (&json!(true), &Value::Null, &json!(0.002))
    );
    let path = format!("/api/threshold-proposals/{id}/withdraw");
    let withdrawn = post(&app, &path, &json!({"comment": "drift"})).await;
    let withdrawn: Value = withdrawn.json().await.unwrap();
    assert_eq!(
        (&withdrawn["state"], &withdrawn["acts"]),
        (&json!("withdrawn"), &json!(false))
    );
    // Beside who accepted it, when and why.
    for kept in ["decided_at", "decided_by", "comment"] {
        assert_eq!(withdrawn[kept], accepted[kept], "{kept}");
    }
    assert_eq!(
        (&withdrawn["withdrawn_by"], &withdrawn["withdrawn_reason"]),
        (&json!("test"), &json!("drift"))
    );
    assert!(withdrawn["withdrawn_at"].is_string(), "{withdrawn}");
    assert_eq!(accepted["withdrawn_at"], Value::Null);
    problem(
        decide(&app, id, "withdraw").await,
        StatusCode::CONFLICT,
        "proposal_decided",
    )
    .await;

    let events = app.get_json("/api/audit?limit=100").await;
    let is_told = |action: &str, of: &Value| {
        let events = events["items"].as_array().unwrap();
        events
            .iter()
            .any(|event| event["action"] == action && event["object_id"] == *of)
    };
    for action in ["read", "accept", "withdraw"] {
        let action = format!("threshold_proposal.{action}");
        assert!(is_told(&action, &json!(id)), "{action}: {events}");
    }
    assert!(is_told("threshold_proposal.make", &Value::Null), "{events}");
}

/// Accepted, it would act on the bundle that is gone, and the page would say that it acts.
#[tokio::test]
async fn a_proposal_for_another_bundle_than_the_installed_one_is_refused() {
    let app = spawn_app().await;
    answers(&app).await;
    let (_, alike) = proposal_and_one_alike(&app).await;
    let of_other = NewThresholdProposal {
        installed_sha256: "c".repeat(64),
        ..alike
    };
    let of_other = app.database.add_threshold_proposal(of_other).await.unwrap();
    problem(
        decide(&app, &of_other.id.to_string(), "accept").await,
        StatusCode::CONFLICT,
        "proposal_of_other_bundle",
    )
    .await;
    let kept = app
        .database
        .threshold_proposal(of_other.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept.state, ProposalState::Open);
    // To decline it needs no bundle.
    let declined = decide(&app, &of_other.id.to_string(), "decline").await;
    assert_eq!(declined.status(), StatusCode::OK);
}

/// As another version wrote it: it ends no list, nobody can say yes to what cannot be looked at, and it can be got rid of.
#[tokio::test]
async fn a_proposal_whose_report_cannot_be_read_hides_no_other_and_is_never_accepted() {
    let app = spawn_app().await;
    answers(&app).await;
    let (made, alike) = proposal_and_one_alike(&app).await;
    let id: ThresholdProposalId = made["id"].as_str().unwrap().parse().unwrap();
    let newer = NewThresholdProposal {
        method: "of a newer version".to_owned(),
        report: json!({"schema": "norma.threshold_proposal/v9"}),
        ..alike
    };
    let newer = app.database.add_threshold_proposal(newer).await.unwrap().id;

    let listed = app.get_json("/api/threshold-proposals").await;
    assert_eq!(listed["total"], 2);
    let item = |of: ThresholdProposalId| {
        let items = listed["items"].as_array().unwrap().iter();
        items.clone().find(|item| item["id"] == json!(of)).unwrap()
    };
    assert_eq!(
        (&item(newer)["thresholds"], &item(newer)["method"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(item(id)["thresholds"], made["thresholds"]);
    assert_eq!(item(id)["method"], "unlabelled");
    let shown = app.get_json(&format!("/api/threshold-proposals/{newer}")).await;
    assert_eq!(
        (&shown["report"], &shown["proposal"]),
        (&Value::Null, item(newer))
    );

    let accepted = decide(&app, &newer.to_string(), "accept").await;
    problem(accepted, StatusCode::CONFLICT, "proposal_unreadable").await;
    let still = app.database.threshold_proposal(newer).await.unwrap().unwrap();
    assert_eq!(still.state, ProposalState::Open);
    // One that acted before this version came can be taken back.
    let by = || "test".to_owned();
    let accepted = app
        .database
        .decide_threshold_proposal(newer, true, by(), None)
        .await
        .unwrap();
    assert!(matches!(accepted, Some(Decided::Done(_))));
    let withdrawn = decide(&app, &newer.to_string(), "withdraw").await;
    assert_eq!(withdrawn.status(), StatusCode::OK);
    let declined = decide(&app, &id.to_string(), "decline").await;
    assert_eq!(declined.status(), StatusCode::OK);
}

async fn analyze(app: &App, query: &str) -> Value {
    let scan_id = app.upload(b"x").await;
    analyze_scan(app, &scan_id.to_string(), query).await
}

async fn analyze_scan(app: &App, scan_id: &str, query: &str) -> Value {
    let requested = app
        .post_async(&format!("/api/scans/{scan_id}/analyze{query}"))
        .await;
    assert_eq!(requested.status(), StatusCode::ACCEPTED);
    requested.json().await.unwrap()
}

/// Decided here, at another gateway or at the command line: whoever asks next is answered with it.
#[tokio::test]
async fn what_is_accepted_acts_on_the_next_request_until_it_is_taken_back() {
    let app = spawn_app().await;
    answers(&app).await;
    let made = post(&app, "/api/threshold-proposals", &json!({"method": "unlabelled"})).await;
    let made: Value = made.json().await.unwrap();
    let version = made["proposal"]["bundle_version"].as_str().unwrap();
    let id: ThresholdProposalId = made["proposal"]["id"].as_str().unwrap().parse().unwrap();
    let before = analyze(&app, "").await;
    assert_eq!(
        (&before["operating_point"], &before["bundle_version"]),
        (&json!("youden"), &json!("fixture 0.0.1"))
    );

    let elsewhere = app
        .database
        .decide_threshold_proposal(id, true, "another gateway".to_owned(), None);
    assert!(matches!(elsewhere.await.unwrap(), Some(Decided::Done(_))));
    let bundle = app.get_json("/api/bundle").await;
    assert_eq!(
        (&bundle["default_operating_point"], &bundle["version"]),
        (&json!("site"), &json!(version))
    );
    for query in ["", "?operating_point=site", "?operating_point=sensitivity_95"] {
        let after = analyze(&app, query).await;
        assert_eq!(after["bundle_version"], format!("fixture {version}"));
        let stored = app.database.analysis(id_of(&after)).await.unwrap().unwrap();
        assert_eq!(stored.threshold_proposal_id, Some(id), "{query}");
    }
    // What was asked before is answered as it was asked.
    let stored = app.database.analysis(id_of(&before)).await.unwrap().unwrap();
    assert_eq!(stored.threshold_proposal_id, None);
    // Unless the same is asked again: the one that runs is held to what acts now, under its name.
    let scan = before["scan_id"].as_str().unwrap();
    let again = analyze_scan(&app, scan, "").await;
    assert_eq!(again["id"], before["id"]);
    assert_eq!(
        (&again["operating_point"], &again["bundle_version"]),
        (&json!("site"), &json!(format!("fixture {version}")))
    );
    let stored = app.database.analysis(id_of(&before)).await.unwrap().unwrap();
    assert_eq!(stored.threshold_proposal_id, Some(id));
    // Another operating point by its name is another question.
    let other = app
        .post_async(&format!("/api/scans/{scan}/analyze?operating_point=youden"))
        .await;
    problem(other, StatusCode::CONFLICT, "other_analysis_running").await;
    let named = analyze(&app, "?operating_point=youden").await;

    let elsewhere = app
        .database
        .withdraw_threshold_proposal(id, "another gateway".to_owned(), None);
    assert!(matches!(elsewhere.await.unwrap(), Some(Decided::Done(_))));
    assert_eq!(analyze(&app, "").await["operating_point"], "youden");
    let back = analyze_scan(&app, scan, "").await;
    assert_eq!(
        (&back["id"], &back["operating_point"], &back["bundle_version"]),
        (&before["id"], &json!("youden"), &json!("fixture 0.0.1"))
    );
    // Asked for by its name, it stays that operating point, whatever is the default.
    let named_scan = named["scan_id"].as_str().unwrap();
    let same = analyze_scan(&app, named_scan, "").await;
    assert_eq!(
        (&same["id"], &same["bundle_version"]),
        (&named["id"], &json!("fixture 0.0.1"))
    );
    let gone = app
        .post_async(&format!("/api/scans/{scan}/analyze?operating_point=site"))
        .await;
    problem(gone, StatusCode::UNPROCESSABLE_ENTITY, "unknown_operating_point").await;
}

#[tokio::test]
async fn what_cannot_be_asked_or_decided_is_refused() {
    let app = spawn_app().await;
    for sensitivity in [0.0, 1.0, -1.0] {
        let asked = json!({"method": "labelled", "sensitivity": sensitivity});
        let refused = post(&app, "/api/threshold-proposals", &asked).await;
        problem(refused, StatusCode::BAD_REQUEST, "invalid_field").await;
    }
    let unknown = "0190aaaa-0000-7000-8000-000000000000";
    for decision in ["accept", "decline", "withdraw"] {
        let refused = decide(&app, unknown, decision).await;
        problem(refused, StatusCode::NOT_FOUND, "proposal_not_found").await;
    }
    let set = spawn_app_with(|options| options.operating_point = Some("youden".to_owned())).await;
    let refused = decide(&set, unknown, "accept").await;
    problem(refused, StatusCode::CONFLICT, "operating_point_set").await;
}

#[tokio::test]
async fn the_last_look_for_drift_is_the_operators_to_see() {
    let app = spawn_app().await;
    assert_eq!(
        app.get_json("/api/drift").await,
        json!({"looked_at": null, "report": null})
    );
    let report = |counts: Value| {
        let mut report = json!({
            "schema": "norma.drift/v2",
            "windows": {"reference": 300, "last": 100},
            "bundle": null,
            "significance": 0.01,
            "cumulative_sum_limit": 8.5,
            "without_scanner": 3,
            "profiles": [],
        });
        let report_fields = report.as_object_mut().unwrap();
        report_fields.extend(counts.as_object().unwrap().clone());
        report
    };
    let counted = json!({"unreadable": 2, "other_bundle": 1, "other_models": 5, "repeated": 4});
    let kept = app.database.note_drift_look(report(counted.clone())).await;
    kept.unwrap();
    let look = app.get_json("/api/drift").await;
    assert_eq!(look["report"], report(counted));
    assert!(look["looked_at"].is_string());
    // A look from before these were counted.
    app.database.note_drift_look(report(json!({}))).await.unwrap();
    let none = json!({"unreadable": 0, "other_bundle": 0, "other_models": 0, "repeated": 0});
    assert_eq!(app.get_json("/api/drift").await["report"], report(none));
    // Another version's look tells other things.
    app.database
        .note_drift_look(json!({"schema": "norma.drift/v9"}))
        .await
        .unwrap();
    assert_eq!(app.get_json("/api/drift").await["report"], Value::Null);
    let key = make_key(&app.database, "reader", &[Role::Clinician], |_| {}).await;
    let answer = client(Some(&key))
        .get(format!("{}/api/drift", app.base))
        .send()
        .await;
    problem(answer.unwrap(), StatusCode::FORBIDDEN, "forbidden").await;
}
