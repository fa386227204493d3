//! What a second bundle says beside the answers that are shown.

use norma_database::ShadowEnd;
use norma_domain::{BundleReference, Role, Verdict};
use norma_site::ShadowAnswer;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{App, client, make_key, problem, spawn_app};
use crate::worker::Says;

fn second() -> BundleReference {
    BundleReference {
        name: "second".to_owned(),
        version: "2.0.0".to_owned(),
        sha256: "b".repeat(64),
    }
}

/// A norm, which the second bundle calls so too or pathology.
async fn read_by_both(app: &App, says: Verdict) -> String {
    let (_, analysis_id) = app.answered(Says::Norm(0.1)).await;
    let shown = app.database.report(analysis_id).await.unwrap().unwrap();
    let shadow = norma_domain::Report {
        bundle: second(),
        verdict: says,
        ..shown.clone()
    };
    let answer = serde_json::to_value(ShadowAnswer::of(&shown, &shadow, 20)).unwrap();
    let sha256 = second().sha256;
    let begun = app.database.begin_shadow_answer(analysis_id, sha256.clone());
    assert_eq!(begun.await.unwrap(), Some(1));
    let ended = app
        .database
        .end_shadow_answer(analysis_id, sha256, ShadowEnd::Answered(answer));
    assert!(ended.await.unwrap());
    shown.scan_id.to_string()
}

#[tokio::test]
async fn where_a_second_bundle_differs_is_the_operators_to_see() {
    let app = spawn_app().await;
    let nothing = app.get_json("/api/shadow").await;
    assert_eq!(
        (&nothing["bundle"], &nothing["seen_at"], &nothing["comparisons"]),
        (&Value::Null, &Value::Null, &json!([]))
    );

    app.database.note_shadow_bundle(second()).await.unwrap();
    app.database
        .note_shadow_reader(Some(second().sha256), None)
        .await
        .unwrap();
    read_by_both(&app, Verdict::Norm).await;
    let differs = read_by_both(&app, Verdict::Pathology).await;
    let told = app.get_json("/api/shadow").await;
    assert_eq!(told["bundle"], serde_json::to_value(second()).unwrap());
    assert_eq!((&told["answered"], &told["waiting"]), (&json!(2), &json!(0)));
    let comparison = &told["comparisons"][0];
    assert_eq!(comparison["agree"], json!({"successes": 1, "trials": 2}));
    assert_eq!(
        comparison["verdicts"],
        json!([
            {"shown": "norm", "shadow": "norm", "studies": 1},
            {"shown": "norm", "shadow": "pathology", "studies": 1},
        ])
    );
    assert_eq!(comparison["differing"][0]["scan_id"], differs);

    // The answer that people see says nothing of it.
    let scan = app.get_json(&format!("/api/scans/{differs}")).await;
    assert!(!scan.to_string().contains("second"), "{scan}");

    let key = make_key(&app.database, "reader", &[Role::Clinician], |_| {}).await;
    let answer = client(Some(&key))
        .get(format!("{}/api/shadow", app.base))
        .send()
        .await;
    problem(answer.unwrap(), StatusCode::FORBIDDEN, "forbidden").await;
}
