use std::io::{Cursor, Write};

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;
use zip::write::SimpleFileOptions;

use crate::app::{App, form, problem, spawn_app, spawn_app_with, without_chance};
use crate::worker::Says;

/// A text element: group, number, value representation, value.
pub(crate) type TextElement<'a> = (u16, u16, &'a [u8; 2], &'a str);

/// A DICOM file (explicit little endian) that says of which study it is and has no pixels: enough to be listed.
fn dicom_file(study_uid: &str, instance: usize) -> Vec<u8> {
    dicom_file_with(study_uid, instance, &[])
}

/// The same, with further elements.
pub(crate) fn dicom_file_with(study_uid: &str, instance: usize, further: &[TextElement<'_>]) -> Vec<u8> {
    fn element(bytes: &mut Vec<u8>, group: u16, number: u16, kind: &[u8; 2], value: &[u8]) {
        bytes.extend(group.to_le_bytes());
        bytes.extend(number.to_le_bytes());
        bytes.extend(kind);
        if kind == b"OB" {
            bytes.extend([0, 0]);
            bytes.extend((value.len() as u32).to_le_bytes());
        } else {
            bytes.extend((value.len() as u16).to_le_bytes());
        }
        bytes.extend(value);
    }
    let padded = |text: &str, padding: u8| {
        let mut bytes = text.as_bytes().to_vec();
        if bytes.len() % 2 == 1 {
            bytes.push(padding);
        }
        bytes
    };
    let sop = "1.2.840.10008.5.1.4.1.1.2";
    let instance_uid = format!("{study_uid}.9.{instance}");
    let mut meta = Vec::new();
    element(&mut meta, 2, 1, b"OB", &[0, 1]);
    element(&mut meta, 2, 2, b"UI", &padded(sop, 0));
    element(&mut meta, 2, 3, b"UI", &padded(&instance_uid, 0));
    element(&mut meta, 2, 0x10, b"UI", &padded("1.2.840.10008.1.2.1", 0));
    element(&mut meta, 2, 0x12, b"UI", &padded("1.2.3", 0));
    let mut file = vec![0; 128];
    file.extend(b"DICM");
    element(&mut file, 2, 0, b"UL", &(meta.len() as u32).to_le_bytes());
    file.extend(meta);
    let series_uid = format!("{study_uid}.1");
    let mut elements: Vec<TextElement<'_>> = vec![
        (8, 0x16, b"UI", sop),
        (8, 0x18, b"UI", &instance_uid),
        (8, 0x60, b"CS", "CT"),
        (0x20, 0xd, b"UI", study_uid),
        (0x20, 0xe, b"UI", &series_uid),
    ];
    elements.extend(further);
    elements.sort_by_key(|(group, number, ..)| (*group, *number));
    for (group, number, kind, text) in elements {
        let padding = if kind == b"UI" { 0 } else { b' ' };
        element(&mut file, group, number, kind, &padded(text, padding));
    }
    file
}

/// A zip with a DICOM file for each folder and Study Instance UID given.
pub(crate) fn archive_of(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (index, (folder, study_uid)) in files.iter().enumerate() {
        archive
            .start_file(format!("{folder}/{index}.dcm"), SimpleFileOptions::default())
            .unwrap();
        archive.write_all(&dicom_file(study_uid, index)).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

async fn predict(app: &App, bytes: &[u8], accept: &str) -> Response {
    app.request(Method::POST, "/inference/predict")
        .header("accept", accept)
        .multipart(form("study.zip", bytes))
        .send()
        .await
        .unwrap()
}

/// Plays the workers: answers the analyses as they come, the odd ones with a failure.
async fn work(app: &App, count: usize) {
    let working = work_without_limit(app, count);
    tokio::time::timeout(std::time::Duration::from_secs(60), working)
        .await
        .unwrap();
}

async fn work_without_limit(app: &App, count: usize) {
    for done in 0..count {
        let progress = loop {
            let mut waiting = app.database.unfinished_analyses().await.unwrap();
            if !waiting.is_empty() {
                break waiting.remove(0);
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        let (scan_id, analysis_id) = (progress.analysis.scan_id, progress.analysis.id);
        if done % 2 == 0 {
            app.complete(scan_id, analysis_id, Says::Pathology(0.9)).await;
        } else {
            app.fail(analysis_id).await;
        }
    }
}

#[tokio::test]
async fn one_study_is_answered_in_one_go() {
    let app = spawn_app().await;
    let (response, ()) = tokio::join!(predict(&app, b"one study", "*/*"), work(&app, 1));
    assert_eq!(response.status(), StatusCode::OK);
    let body: Value = response.json().await.unwrap();
    assert_eq!((&body["finished"], &body["pending"]), (&json!(true), &json!(0)));
    assert_eq!(body["summary"], json!({"has_pathology_any": true}));
    assert_eq!(body["rows"][0]["path_to_study"], "study.zip");
    assert_eq!(body["rows"][0]["processing_status"], "Success");
    assert_eq!(body["studies"][0]["report"]["verdict"], "pathology");
    let again = app.get_json(body["href"].as_str().unwrap()).await;
    assert_eq!(again, body);
    let scan = app.get_json("/api/scans").await;
    assert_eq!(scan["items"][0]["patient_id"], Value::Null);
}

#[tokio::test]
async fn many_studies_in_one_archive_give_a_row_each() {
    let app = spawn_app().await;
    let archive = archive_of(&[("a", "1.2.3.1"), ("b", "1.2.3.2"), ("b", "1.2.3.2")]);
    let (response, ()) = tokio::join!(predict(&app, &archive, "application/json"), work(&app, 2));
    assert_eq!(response.status(), StatusCode::OK);
    let mut body: Value = response.json().await.unwrap();
    for row in body["rows"].as_array_mut().unwrap() {
        row["time_of_processing"] = json!(0.0);
    }
    insta::assert_json_snapshot!(without_chance(body["rows"].clone()));
    assert_eq!(body["summary"]["has_pathology_any"], true);
    assert_eq!(body["studies"].as_array().unwrap().len(), 2);
    assert_eq!(body["studies"][1]["status"], "failed");

    let href = body["href"].as_str().unwrap().to_owned();
    let csv = app.get(&format!("{href}?format=csv")).await.text().await.unwrap();
    assert_eq!(csv.lines().count(), 3);
    assert!(csv.lines().nth(2).unwrap().contains(",,,Failure,"), "{csv}");
    let xlsx = app.get(&format!("{href}?format=xlsx")).await;
    let disposition = xlsx.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert_eq!(disposition, "attachment; filename=\"norma.xlsx\"");
    let cells = sheet(&xlsx.bytes().await.unwrap());
    assert!(cells.contains("no_lungs: no lungs were found"), "{cells}");
}

/// The shared texts of a spreadsheet.
fn sheet(bytes: &[u8]) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes.to_vec())).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut archive.by_name("xl/sharedStrings.xml").unwrap(), &mut text).unwrap();
    text
}

#[tokio::test]
async fn a_damaged_archive_among_others_is_a_row_too() {
    let app = spawn_app().await;
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in [
        ("one.zip", archive_of(&[("a", "1.2.3.1")])),
        ("two.zip", b"PK\x03\x04 but no archive after that".to_vec()),
    ] {
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        archive.write_all(&bytes).unwrap();
    }
    let archive = archive.finish().unwrap().into_inner();
    let (response, ()) = tokio::join!(predict(&app, &archive, "*/*"), work(&app, 1));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["rows"].as_array().unwrap().len(), 2, "{body}");
    assert_eq!(body["rows"][1]["path_to_study"], "study.zip/two.zip");
    assert_eq!(body["rows"][1]["processing_status"], "Failure");
    assert_eq!(body["rows"][1]["pathology"], Value::Null);
}

/// What cannot be read is a failure of its own study, never norm, and takes no other's answer along.
#[tokio::test]
async fn a_report_that_cannot_be_read_takes_no_other_study_along() {
    let app = spawn_app().await;
    let archive = archive_of(&[("a", "1.2.3.1"), ("b", "1.2.3.2")]);
    let answered = async {
        for count in 0..2 {
            let progress = loop {
                let mut waiting = app.database.unfinished_analyses().await.unwrap();
                if !waiting.is_empty() {
                    break waiting.remove(0);
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            };
            let (scan_id, analysis_id) = (progress.analysis.scan_id, progress.analysis.id);
            match count {
                0 => {
                    app.complete_unreadably(scan_id, analysis_id, Says::Norm(0.01))
                        .await;
                }
                _ => {
                    app.complete(scan_id, analysis_id, Says::Pathology(0.9)).await;
                }
            }
        }
    };
    let (response, ()) = tokio::join!(predict(&app, &archive, "application/json"), answered);
    assert_eq!(response.status(), StatusCode::OK);
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (&body["finished"], &body["summary"]),
        (&json!(true), &json!({"has_pathology_any": true}))
    );
    let rows = body["rows"].as_array().unwrap();
    let of = |status: &str| -> Vec<&Value> {
        rows.iter()
            .filter(|row| row["processing_status"] == status)
            .collect()
    };
    let ([failure], [success]) = (&of("Failure")[..], &of("Success")[..]) else {
        panic!("{body}");
    };
    assert_eq!(
        (&failure["pathology"], &success["pathology"]),
        (&Value::Null, &json!(1))
    );
    let reports = body["studies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|study| study["report"].is_null());
    assert_eq!(reports.filter(|is_null| *is_null).count(), 1);
    let csv = app
        .get(&format!("{}?format=csv", body["href"].as_str().unwrap()))
        .await;
    assert_eq!(csv.status(), StatusCode::OK);
}

#[tokio::test]
async fn past_the_time_limit_a_link_is_given() {
    let app = spawn_app_with(|options| options.predict_wait = std::time::Duration::from_millis(100)).await;
    let response = predict(&app, b"one study", "text/csv").await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    assert_eq!((&body["finished"], &body["pending"]), (&json!(false), &json!(1)));
    assert_eq!(
        (&body["rows"], &body["summary"]["has_pathology_any"]),
        (&json!([]), &Value::Null)
    );
    assert_eq!(app.get(&location).await.status(), StatusCode::ACCEPTED);
    work(&app, 1).await;
    let response = app.get(&location).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.json::<Value>().await.unwrap()["rows"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn what_is_no_prediction_is_refused() {
    let app = spawn_app_with(|options| options.most_studies = 2).await;
    let unknown = format!("/inference/predictions/{}", Uuid::now_v7());
    problem(
        app.get(&unknown).await,
        StatusCode::NOT_FOUND,
        "prediction_not_found",
    )
    .await;
    problem(
        predict(&app, b"", "*/*").await,
        StatusCode::UNPROCESSABLE_ENTITY,
        "empty_upload",
    )
    .await;
    problem(
        predict(&app, b"x", "image/png").await,
        StatusCode::NOT_ACCEPTABLE,
        "not_acceptable",
    )
    .await;
    let odd = app
        .request(Method::POST, "/api/inference/predict?operating_point=best")
        .multipart(form("a.zip", b"x"))
        .send()
        .await
        .unwrap();
    problem(odd, StatusCode::UNPROCESSABLE_ENTITY, "unknown_operating_point").await;
    let many = archive_of(&[("a", "1.2.1"), ("b", "1.2.2"), ("c", "1.2.3")]);
    problem(
        predict(&app, &many, "*/*").await,
        StatusCode::UNPROCESSABLE_ENTITY,
        "too_many_studies",
    )
    .await;
    assert!(app.objects.list().await.unwrap().is_empty());
}
