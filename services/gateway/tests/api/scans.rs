use norma_domain::{Role, ScanId};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::app::{App, form, id_of, make_key, problem, spawn_app, spawn_app_with, without_chance};
use crate::worker::Says;

async fn send(app: &App, form: Form) -> reqwest::Response {
    app.request(Method::POST, "/api/scans")
        .multipart(form)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_field_that_nobody_hears_refuses_the_upload() {
    let app = spawn_app().await;
    for field in ["Deidentify", "deidentfy", "unknown"] {
        let form = Form::new()
            .text(field, "true")
            .part("file", Part::bytes(b"some bytes".to_vec()).file_name("study.zip"));
        let response = send(&app, form).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{field}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["code"], "invalid_body", "{field}");
    }
    assert_eq!(app.get_json("/api/scans").await["total"], 0, "nothing is stored");
}

#[tokio::test]
async fn an_upload_is_stored_whatever_the_order_of_its_fields() {
    let app = spawn_app().await;
    let patient = app.create_patient("Anna", "Petrova").await;
    let patient_id = patient["id"].as_str().unwrap().to_owned();
    // Neither is the other's double.
    let uploads = [
        b"some bytes of a study".to_vec(),
        b"more bytes of a study".to_vec(),
    ];
    let file = |number: usize| Part::bytes(uploads[number].clone()).file_name("../../chest study.zip");
    let forms = [
        Form::new()
            .part("file", file(0))
            .text("patient_id", patient_id.clone())
            .text("description", "first"),
        Form::new()
            .text("description", "first")
            .text("patient_id", patient_id.clone())
            .part("file", file(1)),
    ];
    for (form, bytes) in forms.into_iter().zip(&uploads) {
        let response = send(&app, form).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        let scan: Value = response.json().await.unwrap();
        assert_eq!(scan["patient_id"], patient_id.as_str());
        assert_eq!(scan["file_name"], "chest study.zip");
        assert_eq!(scan["sha256"], hex::encode(Sha256::digest(bytes)));
        assert_eq!(scan["size_bytes"], bytes.len());
        assert_eq!(app.get_json(&location).await, scan);
        let mut scan = without_chance(scan);
        scan["sha256"] = json!("[sha256]");
        insta::allow_duplicates! {
            insta::assert_json_snapshot!(scan, @r#"
            {
              "created_at": "[time]",
              "description": "first",
              "file_name": "chest study.zip",
              "id": "[id]",
              "identity": null,
              "latest_analysis_id": null,
              "patient_id": "[id]",
              "patient_mismatch": [],
              "series_uid": null,
              "sha256": "[sha256]",
              "size_bytes": 21,
              "slice_count": null,
              "study_date": null,
              "study_uid": null,
              "updated_at": "[time]"
            }
            "#);
        }
    }
    assert_eq!(
        app.get_json(&format!("/api/scans?patient_id={patient_id}")).await["total"],
        2
    );
    assert_eq!(
        app.get_json(&format!("/api/scans?patient_id={}", ScanId::generate()))
            .await["total"],
        0
    );
    assert_eq!(spool_files(&app), 0);
}

#[tokio::test]
async fn what_is_no_upload_is_refused_and_leaves_nothing() {
    let app = spawn_app_with(|options| options.upload_limit_bytes = 1000).await;
    let small = || Part::bytes(b"x".to_vec()).file_name("a.zip");
    let cases = [
        (
            Form::new().text("description", "d"),
            StatusCode::BAD_REQUEST,
            "missing_field",
        ),
        (
            form("a.zip", b""),
            StatusCode::UNPROCESSABLE_ENTITY,
            "empty_upload",
        ),
        (
            form("a.zip", &[0; 1001]),
            StatusCode::PAYLOAD_TOO_LARGE,
            "upload_too_large",
        ),
        (
            Form::new().part("file", small()).part("file", small()),
            StatusCode::BAD_REQUEST,
            "repeated_field",
        ),
        (
            Form::new().part("file", small()).text("patient_id", "me"),
            StatusCode::BAD_REQUEST,
            "invalid_field",
        ),
        (
            Form::new()
                .part("file", small())
                .text("patient_id", ScanId::generate().to_string()),
            StatusCode::UNPROCESSABLE_ENTITY,
            "unknown_patient",
        ),
        (
            Form::new()
                .part("file", small())
                .text("description", "d".repeat(10_001)),
            StatusCode::BAD_REQUEST,
            "invalid_field",
        ),
    ];
    for (form, status, code) in cases {
        problem(send(&app, form).await, status, code).await;
    }
    let not_a_form = app
        .request(Method::POST, "/api/scans")
        .body("zip")
        .send()
        .await
        .unwrap();
    problem(
        not_a_form,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
    )
    .await;
    let cut = app
        .request(Method::POST, "/api/scans")
        .header("content-type", "multipart/form-data; boundary=b")
        .body("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhalf")
        .send()
        .await
        .unwrap();
    problem(cut, StatusCode::BAD_REQUEST, "upload_incomplete").await;
    assert!(app.objects.list().await.unwrap().is_empty());
    assert_eq!(app.get_json("/api/scans").await["total"], 0);
    assert_eq!(spool_files(&app), 0);
}

#[tokio::test]
async fn a_client_that_sends_nothing_more_is_given_up() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let app = spawn_app_with(|options| options.upload_idle = std::time::Duration::from_millis(200)).await;
    let mut stream = tokio::net::TcpStream::connect(app.base.trim_start_matches("http://"))
        .await
        .unwrap();
    let key = make_key(&app.database, "slow", &[Role::Integrator], |_| {}).await;
    let head = format!(
        "POST /api/scans HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Length: 5000\r\n\
         Content-Type: multipart/form-data; boundary=b\r\n\r\n\
         --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhalf"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("upload_stalled"), "{answer}");
    assert_eq!(spool_files(&app), 0);
}

#[tokio::test]
async fn several_studies_in_one_upload_are_refused_by_name() {
    let app = spawn_app().await;
    let studies = crate::predict::archive_of(&[("one", "1.2.3.1"), ("two", "1.2.3.2")]);
    let response = send(&app, form("two.zip", &studies)).await;
    let body = problem(response, StatusCode::UNPROCESSABLE_ENTITY, "several_studies").await;
    assert_eq!(body["studies"], json!(["1.2.3.1", "1.2.3.2"]));
    assert!(app.objects.list().await.unwrap().is_empty());
    let one = crate::predict::archive_of(&[("one", "1.2.3.1"), ("one", "1.2.3.1")]);
    assert_eq!(
        send(&app, form("one.zip", &one)).await.status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn a_description_is_changed() {
    let app = spawn_app().await;
    let scan_id = app.upload(b"x").await;
    let path = format!("/api/scans/{scan_id}");
    let response = app
        .send_json(Method::PUT, &path, &json!({"description": "second"}))
        .await;
    assert_eq!(response.json::<Value>().await.unwrap()["description"], "second");
    let response = app
        .send_json(Method::PUT, &path, &json!({"description": "a\u{0}"}))
        .await;
    problem(response, StatusCode::BAD_REQUEST, "invalid_field").await;
    let unknown = format!("/api/scans/{}", ScanId::generate());
    let response = app
        .send_json(Method::PUT, &unknown, &json!({"description": "x"}))
        .await;
    problem(response, StatusCode::NOT_FOUND, "scan_not_found").await;
}

#[tokio::test]
async fn the_original_is_given_back_whole_and_in_ranges() {
    let app = spawn_app().await;
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let response = send(&app, form("снимок \"1\".zip", &bytes)).await;
    let scan_id: ScanId = id_of(&response.json().await.unwrap());
    let path = format!("/api/scans/{scan_id}/file");

    let whole = app.get(&path).await;
    assert_eq!(whole.status(), StatusCode::OK);
    let headers = whole.headers().clone();
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(headers["accept-ranges"], "bytes");
    assert_eq!(headers["content-length"], "100000");
    assert!(headers.get("content-encoding").is_none());
    let disposition = headers["content-disposition"].to_str().unwrap();
    assert!(
        disposition.starts_with("attachment; filename=\""),
        "{disposition}"
    );
    assert!(disposition.contains("filename*=UTF-8''%D1%81"), "{disposition}");
    assert_eq!(whole.bytes().await.unwrap(), bytes);

    let ranged = |range: &'static str| app.request(Method::GET, &path).header("range", range).send();
    let part = ranged("bytes=10-19").await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-range"], "bytes 10-19/100000");
    assert_eq!(part.bytes().await.unwrap(), bytes[10..20]);
    let tail = ranged("bytes=-5").await.unwrap();
    assert_eq!(tail.bytes().await.unwrap(), bytes[99_995..]);
    let outside = ranged("bytes=100000-").await.unwrap();
    assert_eq!(outside.headers()["content-range"], "bytes */100000");
    problem(
        outside,
        StatusCode::RANGE_NOT_SATISFIABLE,
        "range_not_satisfiable",
    )
    .await;

    let etag = headers["etag"].to_str().unwrap();
    let known = app
        .request(Method::GET, &path)
        .header("if-none-match", etag)
        .send()
        .await
        .unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let changed = app
        .request(Method::GET, &path)
        .header("range", "bytes=0-1")
        .header("if-range", "\"another\"")
        .send()
        .await
        .unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
    problem(
        app.get(&format!("/api/scans/{}/file", ScanId::generate())).await,
        StatusCode::NOT_FOUND,
        "scan_not_found",
    )
    .await;
}

#[tokio::test]
async fn deleting_removes_rows_and_objects_also_while_an_analysis_runs() {
    let app = spawn_app().await;
    let (answered, _) = app.answered(Says::Pathology(0.9)).await;
    let running = app.upload(b"x").await;
    let analysis_id = app.analyze(running).await;
    app.prepare(running, analysis_id).await;
    assert!(app.objects.list().await.unwrap().len() >= 5);
    for scan_id in [answered, running] {
        let path = format!("/api/scans/{scan_id}");
        assert_eq!(app.delete(&path).await.status(), StatusCode::NO_CONTENT);
        problem(app.get(&path).await, StatusCode::NOT_FOUND, "scan_not_found").await;
        problem(app.delete(&path).await, StatusCode::NOT_FOUND, "scan_not_found").await;
    }
    assert!(app.objects.list().await.unwrap().is_empty());
    let gone = app.get(&format!("/api/analyses/{analysis_id}")).await;
    problem(gone, StatusCode::NOT_FOUND, "analysis_not_found").await;
    assert_eq!(app.get_json("/api/studies").await["total"], 0);
}

#[tokio::test]
async fn deleting_a_patient_takes_the_scans_along() {
    let app = spawn_app().await;
    let patient = app.create_patient("Anna", "Petrova").await;
    let patient_id = patient["id"].as_str().unwrap().to_owned();
    let form = form("a.zip", b"x").text("patient_id", patient_id.clone());
    let scan_id: ScanId = id_of(&send(&app, form).await.json().await.unwrap());
    let analysis_id = app.analyze(scan_id).await;
    app.prepare(scan_id, analysis_id).await;
    let response = app.delete(&format!("/api/patients/{patient_id}")).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    problem(
        app.get(&format!("/api/scans/{scan_id}")).await,
        StatusCode::NOT_FOUND,
        "scan_not_found",
    )
    .await;
    assert!(app.objects.list().await.unwrap().is_empty());
}

fn spool_files(app: &App) -> usize {
    std::fs::read_dir(app.spool()).unwrap().count()
}
