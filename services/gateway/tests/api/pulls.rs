//! Studies that are pulled from archives: the list, and asking.

use std::time::Duration;

use norma_database::{DeliveryProblem, PullWish, PulledStudy};
use norma_domain::PullId;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::{App, problem, spawn_app};

const FIND: &str = "/api/pacs/find";
const PULLS: &str = "/api/pacs/pulls";

async fn pull_again(app: &App, id: &str) -> reqwest::Response {
    let path = format!("{PULLS}/{id}/pull-again");
    app.request(Method::POST, &path).send().await.unwrap()
}

#[tokio::test]
async fn what_is_asked_has_to_stand_for_itself() {
    let app = spawn_app().await;
    assert_eq!(app.get_json("/api/pacs/sources").await, json!({ "items": [] }));
    for path in [FIND, PULLS] {
        for wrong in [
            json!({ "source": "archive" }),
            json!({ "source": "archive", "issuer_of_patient_id": "CLINIC" }),
            json!({ "source": "archive", "patient_id": "P*" }),
            json!({ "source": "archive", "accession_number": "12345678901234567" }),
            json!({ "source": "archive", "study_instance_uid": "not.a.uid" }),
            json!({ "source": "archive", "patient_name": "DOE^JANE" }),
        ] {
            let answer = app.send_json(Method::POST, path, &wrong).await;
            problem(answer, StatusCode::BAD_REQUEST, "invalid_body").await;
        }
        let unknown = json!({ "source": "archive", "patient_id": "P-17" });
        let answer = app.send_json(Method::POST, path, &unknown).await;
        problem(answer, StatusCode::UNPROCESSABLE_ENTITY, "unknown_source").await;
    }
    assert_eq!(app.get_json(PULLS).await["total"], 0, "nothing was asked for");
}

#[tokio::test]
async fn pulls_are_listed_without_their_patients_and_pulled_again() {
    let app = spawn_app().await;
    let wish = PullWish::Studies {
        study_instance_uid: None,
        accession_number: Some("ACC-OF-SOMEBODY".to_owned()),
        patient_id: Some("ID-OF-SOMEBODY".to_owned()),
        issuer_of_patient_id: None,
    };
    let asked = app
        .database
        .ask_for_pull("archive".to_owned(), wish)
        .await
        .unwrap();
    let listed = app.get_json("/api/pacs/pulls?state=asked&source=archive").await;
    assert_eq!(listed["total"], 1);
    assert_eq!(listed["items"][0]["id"], asked.id.to_string());
    assert!(!listed.to_string().contains("SOMEBODY"), "{listed}");
    for refused in ["state=lost", "limit=0", "source=%00"] {
        let answer = app.get(&format!("{PULLS}?{refused}")).await;
        problem(answer, StatusCode::BAD_REQUEST, "invalid_parameter").await;
    }
    let id = asked.id.to_string();
    problem(pull_again(&app, &id).await, StatusCode::CONFLICT, "pull_waiting").await;
    let lease = Duration::from_secs(60);
    let claimed = app
        .database
        .claim_pull("archive".to_owned(), lease)
        .await
        .unwrap();
    let claimed = claimed.unwrap();
    let study = PulledStudy {
        expected: Some(154),
        study_instance_uid: "1.2.3".to_owned(),
        study_key: "ab".to_owned(),
        is_here: false,
        instances: 7,
        failed: 1,
        reason_code: Some("instances_missing".to_owned()),
    };
    app.database
        .note_pulled_studies(&claimed, vec![study])
        .await
        .unwrap();
    let failed = DeliveryProblem {
        code: "instances_missing".into(),
        peer_status: Some("B000".to_owned()),
    };
    app.database
        .note_pull_problem(&claimed, failed, None)
        .await
        .unwrap();
    let one = app.get_json(&format!("{PULLS}/{id}")).await;
    assert_eq!(one["state"], "failed");
    assert_eq!(one["peer_status"], "B000");
    assert_eq!(one["studies"][0]["instances"], 7);
    let again = pull_again(&app, &id).await;
    assert_eq!(again.status(), StatusCode::OK);
    let again: serde_json::Value = again.json().await.unwrap();
    assert_eq!(
        (&again["state"], &again["attempts"]),
        (&json!("asked"), &json!(0))
    );
    let unknown = PullId::generate().to_string();
    problem(
        pull_again(&app, &unknown).await,
        StatusCode::NOT_FOUND,
        "pull_not_found",
    )
    .await;
    let answer = app.get(&format!("{PULLS}/{unknown}")).await;
    problem(answer, StatusCode::NOT_FOUND, "pull_not_found").await;
}
