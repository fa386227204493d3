use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{form, id_of, problem, spawn_app, without_chance};
use crate::worker::Says;

#[tokio::test]
async fn the_most_suspicious_come_first_and_undetermined_above_norm() {
    let app = spawn_app().await;
    let (norm, _) = app.answered(Says::Norm(0.3)).await;
    let (less, _) = app.answered(Says::Pathology(0.7)).await;
    let (undetermined, _) = app.answered(Says::Undetermined).await;
    let (more, _) = app.answered(Says::Pathology(0.9)).await;
    let untouched = app.upload(b"x").await;
    let failed = app.upload(b"x").await;
    let analysis_id = app.analyze(failed).await;
    app.fail(analysis_id).await;

    let list = app.get_json("/api/studies").await;
    let ids: Vec<&str> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["scan_id"].as_str().unwrap())
        .collect();
    let expected = [more, less, undetermined, untouched, norm, failed].map(|id| id.to_string());
    assert_eq!(ids, expected);
    assert_eq!(list["total"], 6);
    insta::assert_json_snapshot!(without_chance(list["items"][0].clone()));

    let newest = app.get_json("/api/studies?order=newest&limit=1").await;
    assert_eq!(newest["items"][0]["scan_id"], failed.to_string());
    assert_eq!(newest["items"][0]["failure"]["code"], "no_lungs");
    assert_eq!(app.get_json("/api/studies?verdict=pathology").await["total"], 2);
    assert_eq!(app.get_json("/api/studies?status=failed").await["total"], 1);
    assert_eq!(app.get_json("/api/studies?tray=no_chest").await["total"], 1);
    assert_eq!(app.get_json("/api/studies?tray=reading").await["total"], 5);
    assert_eq!(
        app.get_json("/api/studies?uploaded_before=2020-01-01T00:00:00Z")
            .await["total"],
        0
    );
    assert_eq!(
        app.get_json("/api/studies?uploaded_from=2020-01-01T00:00:00Z")
            .await["total"],
        6
    );
}

#[tokio::test]
async fn a_study_is_found_by_its_patient() {
    let app = spawn_app().await;
    let patient = app.create_patient("Anna", "Petrova").await;
    let patient_id = patient["id"].as_str().unwrap().to_owned();
    let form = form("a.zip", b"x").text("patient_id", patient_id.clone());
    let response = app
        .request(reqwest::Method::POST, "/api/scans")
        .multipart(form)
        .send()
        .await
        .unwrap();
    let scan: Value = response.json().await.unwrap();
    let _: norma_domain::ScanId = id_of(&scan);
    app.upload(b"y").await;
    for query in ["search=petr", &format!("patient_id={patient_id}")] {
        let list = app.get_json(&format!("/api/studies?{query}")).await;
        assert_eq!(list["total"], 1, "{query}");
        assert_eq!(list["items"][0]["patient"]["last_name"], "Petrova");
        assert_eq!(list["items"][0]["status"], json!(null));
    }
    for query in [
        "verdict=ill",
        "status=done",
        "order=best",
        "patient_id=1",
        "uploaded_from=today",
    ] {
        let response = app.get(&format!("/api/studies?{query}")).await;
        problem(response, StatusCode::BAD_REQUEST, "invalid_parameter").await;
    }
}

#[tokio::test]
async fn what_readers_contradict_is_listed_for_review() {
    let app = spawn_app().await;
    let (missed, missed_analysis) = app.answered(Says::Norm(0.2)).await;
    let (agreed, agreed_analysis) = app.answered(Says::Pathology(0.9)).await;
    let say = async |analysis, body: Value| {
        let path = format!("/api/analyses/{analysis}/feedback");
        let said = app.send_json(reqwest::Method::POST, &path, &body).await;
        assert_eq!(said.status(), StatusCode::CREATED);
        said.json::<Value>().await.unwrap()
    };
    let emphysema = say(missed_analysis, json!({"agree": false, "label": "emphysema"})).await;
    let nodule = say(missed_analysis, json!({"agree": false, "label": "lung_nodule"})).await;
    say(agreed_analysis, json!({"agree": true})).await;

    let listed = app.get_json("/api/studies?tray=contradicted").await;
    assert_eq!(
        (&listed["total"], &listed["items"][0]["scan_id"]),
        (&json!(1), &json!(missed.to_string()))
    );
    // The label of each reader's word, who said it and when.
    assert_eq!(listed["items"][0]["contradictions"], json!([emphysema, nodule]));
    assert_eq!(listed["items"][0]["verdict"], "norm");
    // They stay in the worklist, which tells it too.
    let reading = app.get_json("/api/studies?tray=reading").await;
    assert_eq!(reading["items"][0]["scan_id"], agreed.to_string());
    assert_eq!(reading["items"][0]["contradictions"], json!([]));
    assert_eq!(reading["items"][1]["contradictions"], json!([emphysema, nodule]));
    let read = app.get_json("/api/audit?action=study.search").await;
    assert!(read["total"].as_u64().unwrap() > 0, "{read}");

    for word in [emphysema, nodule] {
        let word = word["id"].as_str().unwrap();
        let path = format!("/api/analyses/{missed_analysis}/feedback/{word}");
        assert_eq!(app.delete(&path).await.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(app.get_json("/api/studies?tray=contradicted").await["total"], 0);
}
