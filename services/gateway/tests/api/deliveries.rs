//! Results on their way to a PACS: the list, and sending again.

use norma_database::{DeliveredObject, DeliveryDestination, DeliveryProblem};
use reqwest::{Method, StatusCode};

use crate::app::{App, problem, spawn_app};
use crate::dicom_results::answered_phantom;
use crate::worker::Says;

async fn send_again(app: &App, id: &str) -> reqwest::Response {
    let path = format!("/api/deliveries/{id}/send-again");
    app.request(Method::POST, &path).send().await.unwrap()
}

#[tokio::test]
async fn deliveries_are_listed_and_sent_again() {
    let app = spawn_app().await;
    let destination = |name: &str| DeliveryDestination {
        name: name.to_owned(),
        all_studies: true,
    };
    let destinations = vec![destination("archive"), destination("ris")];
    app.database
        .set_delivery_destinations(destinations)
        .await
        .unwrap();
    let (scan_id, analysis_id) = answered_phantom(&app, Says::Pathology(0.9)).await;
    let of_analysis = format!("/api/deliveries?analysis_id={analysis_id}");
    let listed = app.get_json(&of_analysis).await;
    assert_eq!(listed["total"], 2, "{listed}");
    let archive = app
        .get_json(&format!("{of_analysis}&destination=archive&state=queued"))
        .await;
    assert_eq!(archive["items"][0]["analysis_id"], analysis_id.to_string());
    assert_eq!(archive["items"][0]["scan_id"], scan_id.to_string());
    assert_eq!(archive["items"][0]["attempts"], 0);
    let part = app.get_json("/api/deliveries?limit=1&offset=1").await;
    assert_eq!(
        (&part["total"], &part["limit"], &part["offset"]),
        (&2.into(), &1.into(), &1.into())
    );
    assert_eq!(part["items"][0], listed["items"][1]);
    for refused in ["state=lost", "limit=0", "analysis_id=7", "destination=%00"] {
        let answer = app.get(&format!("/api/deliveries?{refused}")).await;
        problem(answer, StatusCode::BAD_REQUEST, "invalid_parameter").await;
    }

    let id = archive["items"][0]["id"].as_str().unwrap();
    problem(
        send_again(&app, id).await,
        StatusCode::CONFLICT,
        "delivery_waiting",
    )
    .await;
    let lease = std::time::Duration::from_secs(60);
    let claimed = app
        .database
        .claim_delivery("archive".to_owned(), lease)
        .await
        .unwrap();
    let refusal = DeliveryProblem {
        code: "refused_by_peer".into(),
        peer_status: Some("C000".to_owned()),
    };
    let claimed = claimed.unwrap();
    let object = |name: &str, refusal| DeliveredObject {
        sop_instance_uid: format!("2.25.{}", name.len()),
        name: name.to_owned(),
        refusal,
    };
    let objects = vec![
        object("report", None),
        object("key-objects", Some(refusal.clone())),
    ];
    assert!(
        app.database
            .note_delivery_problem(&claimed, refusal, objects, None)
            .await
            .unwrap()
    );
    let failed = app.get_json("/api/deliveries?state=failed").await;
    assert_eq!(failed["total"], 1);
    assert_eq!(failed["items"][0]["reason_code"], "refused_by_peer");
    assert_eq!(failed["items"][0]["peer_status"], "C000");
    assert!(failed["items"][0]["next_attempt_at"].is_null());
    assert_eq!(
        failed["items"][0]["objects"],
        serde_json::json!([
            {
                "name": "key-objects", "sop_instance_uid": "2.25.11", "is_taken": false,
                "reason_code": "refused_by_peer", "peer_status": "C000",
            },
            {
                "name": "report", "sop_instance_uid": "2.25.6", "is_taken": true,
                "reason_code": null, "peer_status": null,
            },
        ])
    );

    let again = send_again(&app, id).await;
    assert_eq!(again.status(), StatusCode::OK);
    let again: serde_json::Value = again.json().await.unwrap();
    assert_eq!((&again["id"], &again["state"]), (&id.into(), &"queued".into()));
    let events = app.get_json("/api/audit?action=delivery.send_again").await;
    assert_eq!(events["items"][0]["object_id"], id, "{events}");
    let unknown = "0190a1b2-0000-7000-8000-000000000000";
    problem(
        send_again(&app, unknown).await,
        StatusCode::NOT_FOUND,
        "delivery_not_found",
    )
    .await;

    // The dead ones, all at once: of a destination, or of every one.
    for name in ["archive", "ris"] {
        let claimed = app.database.claim_delivery(name.to_owned(), lease).await.unwrap();
        let refusal = DeliveryProblem {
            code: "class_not_accepted".into(),
            peer_status: None,
        };
        let noted = app
            .database
            .note_delivery_problem(&claimed.unwrap(), refusal, Vec::new(), None)
            .await;
        assert!(noted.unwrap());
    }
    let destinations = app.get_json("/api/deliveries/destinations").await;
    assert_eq!(
        destinations["items"][0],
        serde_json::json!({"name": "archive", "is_set": true, "waiting": 0, "failed": 1, "oldest_seconds": null})
    );
    assert_eq!(destinations["items"][1]["name"], "ris");
    for (path, queued) in [
        ("send-again?destination=archive", 1),
        ("send-again?destination=archive", 0),
        ("send-again", 1),
    ] {
        let answer = app.request(Method::POST, &format!("/api/deliveries/{path}"));
        let answer: serde_json::Value = answer.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["queued"], queued, "{path}");
    }
    let waiting = app.get_json("/api/deliveries?state=queued").await;
    assert_eq!(waiting["total"], 2);
    app.database.set_delivery_destinations(Vec::new()).await.unwrap();
    let destinations = app.get_json("/api/deliveries/destinations").await;
    assert_eq!(destinations["items"][1]["is_set"], false, "{destinations}");
    assert_eq!(destinations["items"][1]["waiting"], 1);
    assert!(destinations["items"][1]["oldest_seconds"].is_number());
}
