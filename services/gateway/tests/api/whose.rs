//! Whose study is it: what the files say is kept, found, held against the chosen patient, moved and merged.

use std::io::{Cursor, Write};

use norma_domain::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, client, form, make_key, problem, spawn_app};
use crate::predict::{TextElement, dicom_file_with};

const NAME: &str = "PETROVA^ANNA";

/// A study of the patient: name, Patient ID, birth date.
pub(crate) fn study(name: &str, id: &str, birth_date: &str) -> Vec<u8> {
    let elements: [TextElement<'_>; 7] = [
        (0x10, 0x10, b"PN", name),
        (0x10, 0x20, b"LO", id),
        (0x10, 0x21, b"LO", "CITY"),
        (0x10, 0x30, b"DA", birth_date),
        (0x10, 0x40, b"CS", "F"),
        (0x08, 0x50, b"SH", "ACC-7"),
        (0x08, 0x80, b"LO", "City Hospital"),
    ];
    dicom_file_with("1.2.3.4", 1, &elements)
}

pub(crate) async fn upload(app: &App, bytes: &[u8], fields: &[(&str, &str)]) -> reqwest::Response {
    let mut form = form("chest.dcm", bytes);
    for (name, value) in fields {
        form = form.text((*name).to_owned(), (*value).to_owned());
    }
    app.request(Method::POST, "/api/scans")
        .multipart(form)
        .send()
        .await
        .unwrap()
}

pub(crate) async fn uploaded(app: &App, bytes: &[u8], fields: &[(&str, &str)]) -> Value {
    let response = upload(app, bytes, fields).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    response.json().await.unwrap()
}

pub(crate) async fn events_of(app: &App, patient: &str, action: &str) -> Vec<Value> {
    let page = app
        .get_json(&format!(
            "/api/audit?limit=100&patient_id={patient}&action={action}"
        ))
        .await;
    page["items"].as_array().unwrap().clone()
}

pub(crate) fn text<'a>(document: &'a Value, key: &str) -> &'a str {
    document[key].as_str().unwrap()
}

#[tokio::test]
async fn what_the_files_say_is_kept_shown_and_found() {
    let app = spawn_app().await;
    let scan = uploaded(&app, &study(NAME, "4711", "19600515"), &[]).await;
    let expected = json!({
        "patient_id": "4711", "issuer_of_patient_id": "CITY", "patient_name": NAME, "birth_date": "19600515",
        "sex": "F", "accession_number": "ACC-7", "study_date": null, "study_time": null,
        "study_description": null, "referring_physician": null, "institution": "City Hospital",
        "is_deidentified": false,
    });
    assert_eq!(scan["identity"], expected);
    let read = app.get_json(&format!("/api/scans/{}", text(&scan, "id"))).await;
    assert_eq!(read, scan);
    app.upload(b"another study").await;
    for query in [
        "search=petrova",
        "search=4711",
        "search=acc-7",
        "dicom_patient_id=4711",
        "accession_number=ACC-7",
    ] {
        let list = app.get_json(&format!("/api/studies?{query}")).await;
        assert_eq!(list["total"], 1, "{query}");
        assert_eq!(list["items"][0]["identity"], expected);
    }
    for query in ["dicom_patient_id=471", "accession_number=acc-7", "search=ivanova"] {
        assert_eq!(
            app.get_json(&format!("/api/studies?{query}")).await["total"],
            0,
            "{query}"
        );
    }
    let list = app.get_json("/api/scans?accession_number=ACC-7").await;
    assert_eq!(
        (&list["total"], &list["items"][0]["identity"]),
        (&json!(1), &expected)
    );

    // A machine that uploads finds its own studies only, by whatever it asks.
    let pacs = client(Some(
        &make_key(&app.database, "pacs", &[Role::Integrator], |_| {}).await,
    ));
    let found = pacs
        .get(format!("{}/api/scans?dicom_patient_id=4711", app.base))
        .send()
        .await
        .unwrap();
    let found: Value = found.json().await.unwrap();
    assert_eq!(found["total"], 0);
    for (method, path) in [
        (Method::POST, "/api/scans/inspect".to_owned()),
        (Method::PUT, format!("/api/scans/{}/patient", text(&scan, "id"))),
    ] {
        let request = pacs.request(method, format!("{}{path}", app.base));
        let refused = request.json(&json!({})).send().await.unwrap();
        problem(refused, StatusCode::FORBIDDEN, "forbidden").await;
    }
}

#[tokio::test]
async fn a_study_that_names_another_patient_needs_a_persons_word() {
    let app = spawn_app().await;
    let patient = app.create_patient("Anna", "Petrova").await;
    let id = text(&patient, "id");
    uploaded(&app, &study(NAME, "4711", "19600515"), &[("patient_id", id)]).await;

    // Held against the names as registered, and against the studies in the record.
    for (name, patient_id, birth_date, conflicts) in [
        ("IVANOV^IVAN", "4711", "19600515", json!(["patient_name"])),
        (NAME, "4712", "19600515", json!(["patient_id"])),
        (NAME, "4711", "19610515", json!(["birth_date"])),
        (
            "IVANOV^IVAN",
            "17",
            "19500101",
            json!(["patient_id", "patient_name", "birth_date"]),
        ),
    ] {
        let other = study(name, patient_id, birth_date);
        let response = upload(&app, &other, &[("patient_id", id)]).await;
        let body = problem(response, StatusCode::CONFLICT, "patient_mismatch").await;
        assert_eq!(body["conflicts"], conflicts);
        for secret in ["IVANOV", "Petrova", "4711", "4712", "1961"] {
            assert!(!body.to_string().contains(secret), "{body}");
        }
    }
    let of_patient = format!("/api/scans?patient_id={id}");
    assert_eq!(app.get_json(&of_patient).await["total"], 1, "nothing was stored");
    let refused = &events_of(&app, id, "scan.upload").await[0];
    assert_eq!(
        (&refused["status"], text(refused, "detail")),
        (
            &json!(409),
            "patient_mismatch not confirmed: patient_id, patient_name, birth_date"
        )
    );

    let fields = [("patient_id", id), ("confirm_patient_mismatch", "true")];
    let scan = uploaded(&app, &study("IVANOV^IVAN", "4711", "19600515"), &fields).await;
    assert_eq!(scan["patient_mismatch"], json!(["patient_name"]));
    let listed = app
        .get_json(&format!("/api/studies?patient_id={id}&order=newest"))
        .await;
    assert_eq!(listed["items"][0]["patient_mismatch"], json!(["patient_name"]));
    let confirmed = &events_of(&app, id, "scan.upload").await[0];
    // The files have the same SOP Instance UIDs as those of the first study: what of them is otherwise is told too.
    assert_eq!(
        text(confirmed, "detail"),
        "patient_mismatch confirmed: patient_name; 1 instances have another data set than those of the same names in an earlier \
         scan, which stays"
    );

    // Another person's study that was put here all the same teaches the record nothing: the next is asked about again.
    let other = study("SIDOROV^PETR", "18", "19500101");
    let scan = uploaded(&app, &other, &fields).await;
    assert_eq!(scan["patient_mismatch"].as_array().unwrap().len(), 3);
    let again = upload(
        &app,
        &study("SIDOROV^PETR", "18", "19500101"),
        &[("patient_id", id)],
    )
    .await;
    problem(again, StatusCode::CONFLICT, "patient_mismatch").await;

    // What says nothing of a patient contradicts none.
    uploaded(&app, b"no study at all", &[("patient_id", id)]).await;
    uploaded(&app, &study("ANONYMOUS", "4711", ""), &[("patient_id", id)]).await;
}

/// A zip of one study whose two series are of these two persons.
fn two_persons(one: [&str; 3], other: [&str; 3]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (instance, [name, id, birth_date]) in [one, one, other].into_iter().enumerate() {
        let elements: [TextElement<'_>; 4] = [
            (0x10, 0x10, b"PN", name),
            (0x10, 0x20, b"LO", id),
            (0x10, 0x30, b"DA", birth_date),
            (0x20, 0x11, b"IS", if instance < 2 { "1" } else { "2" }),
        ];
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(format!("{instance}.dcm"), options).unwrap();
        archive
            .write_all(&dicom_file_with("1.2.3.4", instance + 1, &elements))
            .unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[tokio::test]
async fn an_upload_of_two_patients_needs_a_persons_word_whoever_is_chosen() {
    let app = spawn_app().await;
    let patient = app.create_patient("Anna", "Petrova").await;
    let id = text(&patient, "id");
    let anna = [NAME, "4711", "19600515"];
    let ivan = ["IVANOV^IVAN", "4712", "19500101"];
    let all = json!(["patient_id", "patient_name", "birth_date"]);
    for (files, conflicts) in [
        (two_persons(anna, ivan), all.clone()),
        (two_persons(ivan, anna), all.clone()),
        // The second file contradicts by one attribute alone.
        (
            two_persons(anna, [NAME, "4711", "19600516"]),
            json!(["birth_date"]),
        ),
        (
            two_persons(anna, [NAME, "4712", "19600515"]),
            json!(["patient_id"]),
        ),
        (
            two_persons(anna, ["IVANOV^IVAN", "4711", "19600515"]),
            json!(["patient_name"]),
        ),
        // Of the patient neither number is known.
        (two_persons([NAME, "1", ""], ["", "2", ""]), json!(["patient_id"])),
    ] {
        let response = upload(&app, &files, &[("patient_id", id)]).await;
        let body = problem(response, StatusCode::CONFLICT, "patient_mismatch").await;
        assert_eq!(body["conflicts"], conflicts);
        // Whom to register nobody knows either.
        let response = upload(&app, &files, &[("patient_from_dicom", "true")]).await;
        problem(response, StatusCode::CONFLICT, "patient_mismatch").await;
        // The page's dialog asks what the files say of whom.
        let form = form("a.zip", &files).text("patient_id", id.to_owned());
        let inspected = app.request(Method::POST, "/api/scans/inspect").multipart(form);
        let inspected: Value = inspected.send().await.unwrap().json().await.unwrap();
        assert_eq!(inspected["patient_mismatch"], conflicts);
        assert_eq!(inspected["identity"]["persons"].as_array().unwrap().len(), 2);
    }
    assert_eq!(app.get_json("/api/scans").await["total"], 0, "nothing was stored");

    // One person, written in two ways, is no conflict.
    let written = two_persons(anna, ["Петрова^Анна", "4711", "19600515"]);
    uploaded(&app, &written, &[("patient_id", id)]).await;

    // Stored for nobody, it is asked about when it is put into a record.
    let scan = uploaded(&app, &two_persons(anna, ivan), &[]).await;
    assert_eq!(scan["identity"]["persons"][1]["patient_name"], "IVANOV^IVAN");
    let path = format!("/api/scans/{}/patient", text(&scan, "id"));
    for wanted in [json!({"patient_id": id}), json!({"patient_from_dicom": true})] {
        let response = app.send_json(Method::PUT, &path, &wanted).await;
        let body = problem(response, StatusCode::CONFLICT, "patient_mismatch").await;
        assert_eq!(body["conflicts"], all);
    }
    let confirmed = json!({"patient_id": id, "confirm_patient_mismatch": true});
    let moved = app.send_json(Method::PUT, &path, &confirmed).await;
    assert_eq!(moved.status(), StatusCode::OK);
    let moved: Value = moved.json().await.unwrap();
    assert_eq!(moved["patient_mismatch"], all);
    // It taught the record nothing: the other one is still asked about.
    let response = upload(
        &app,
        &study("IVANOV^IVAN", "4712", "19500101"),
        &[("patient_id", id)],
    )
    .await;
    problem(response, StatusCode::CONFLICT, "patient_mismatch").await;
}

#[tokio::test]
async fn an_upload_is_inspected_and_nothing_of_it_is_stored() {
    let app = spawn_app().await;
    let patient = app.create_patient("Anna", "Petrova").await;
    let known = json!({"dicom_patient_id": "4711", "issuer_of_patient_id": "CITY"});
    let path = format!("/api/patients/{}", text(&patient, "id"));
    app.send_json(Method::PUT, &path, &known).await;
    let form = form("a.dcm", &study("IVANOV^IVAN", "4711", "19600515"))
        .text("patient_id", text(&patient, "id").to_owned());
    let inspected = app
        .request(Method::POST, "/api/scans/inspect")
        .multipart(form)
        .send()
        .await
        .unwrap();
    assert_eq!(inspected.status(), StatusCode::OK);
    let inspected: Value = inspected.json().await.unwrap();
    assert_eq!(inspected["identity"]["patient_name"], "IVANOV^IVAN");
    assert_eq!(inspected["patient_mismatch"], json!(["patient_name"]));
    assert_eq!(inspected["patients"][0]["last_name"], "Petrova");
    assert_eq!(app.get_json("/api/scans").await["total"], 0);
    assert!(app.objects.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_patient_is_made_from_the_files_once() {
    let app = spawn_app().await;
    let from_files = [("patient_from_dicom", "true")];
    let first = uploaded(
        &app,
        &study("PETROVA^ANNA^IVANOVNA", "4711", "19600515"),
        &from_files,
    )
    .await;
    let again = uploaded(&app, &study(NAME, "4711", "19600515"), &from_files).await;
    assert_eq!(first["patient_id"], again["patient_id"]);
    let patient = app
        .get_json(&format!("/api/patients/{}", text(&first, "patient_id")))
        .await;
    assert_eq!(
        (
            &patient["last_name"],
            &patient["first_name"],
            &patient["dicom_patient_id"],
            &patient["birth_date"],
            &patient["sex"]
        ),
        (
            &json!("PETROVA"),
            &json!("ANNA IVANOVNA"),
            &json!("4711"),
            &json!("19600515"),
            &json!("F")
        )
    );
    assert_eq!(app.get_json("/api/patients?search=4711").await["total"], 1);
    // The same number for another person is another patient.
    let other = uploaded(&app, &study("IVANOV^IVAN", "4711", "19600515"), &from_files).await;
    assert_ne!(other["patient_id"], first["patient_id"]);

    let response = upload(&app, b"no study", &from_files).await;
    problem(response, StatusCode::UNPROCESSABLE_ENTITY, "no_patient_identity").await;
    let both = [from_files[0], ("patient_id", text(&first, "patient_id"))];
    let response = upload(&app, &study(NAME, "4711", "19600515"), &both).await;
    problem(response, StatusCode::BAD_REQUEST, "invalid_field").await;
}

#[tokio::test]
async fn a_study_is_put_into_another_record_and_both_records_tell() {
    let app = spawn_app().await;
    let wrong = app.create_patient("Maria", "Ivanova").await;
    let right = app.create_patient("Anna", "Petrova").await;
    let (wrong, right) = (text(&wrong, "id"), text(&right, "id"));
    let fields = [("patient_id", wrong), ("confirm_patient_mismatch", "true")];
    let scan = uploaded(&app, &study(NAME, "4711", "19600515"), &fields).await;
    let path = format!("/api/scans/{}/patient", text(&scan, "id"));

    let response = app
        .send_json(Method::PUT, &path, &json!({"patient_id": right}))
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    let moved: Value = response.json().await.unwrap();
    assert_eq!(
        (&moved["patient_id"], &moved["patient_mismatch"]),
        (&json!(right), &json!([]))
    );
    for patient in [wrong, right] {
        let events = events_of(&app, patient, "scan.move").await;
        let told = events.iter().any(|event| {
            event["outcome"] == "success" && text(event, "detail") == format!("from {wrong} to {right}")
        });
        assert!(told, "{events:?}");
    }

    let back = json!({"patient_id": wrong});
    let response = app.send_json(Method::PUT, &path, &back).await;
    problem(response, StatusCode::CONFLICT, "patient_mismatch").await;
    let response = app.send_json(Method::PUT, &path, &json!({})).await;
    problem(response, StatusCode::BAD_REQUEST, "invalid_field").await;
    let nobody = json!({"patient_id": norma_domain::PatientId::generate()});
    let response = app.send_json(Method::PUT, &path, &nobody).await;
    problem(response, StatusCode::UNPROCESSABLE_ENTITY, "unknown_patient").await;
    // Not by the way, where nobody looks.
    let scan_path = format!("/api/scans/{}", text(&scan, "id"));
    let response = app.send_json(Method::PUT, &scan_path, &back).await;
    problem(response, StatusCode::BAD_REQUEST, "invalid_field").await;
}

#[tokio::test]
async fn two_records_become_one_and_the_other_tells_where_it_went() {
    let app = spawn_app().await;
    let kept = app.create_patient("Anna", "Petrova").await;
    let other = app.create_patient("ANNA", "PETROVA").await;
    let stranger = app.create_patient("Maria", "Ivanova").await;
    let (kept, other) = (text(&kept, "id"), text(&other, "id"));
    let scan = uploaded(&app, &study(NAME, "4711", "19600515"), &[("patient_id", other)]).await;
    let path = format!("/api/patients/{kept}/merge");

    let merge =
        |id: &str, confirm: bool| json!({"merged_patient_id": id, "confirm_patient_mismatch": confirm});
    let response = app
        .send_json(Method::POST, &path, &merge(text(&stranger, "id"), false))
        .await;
    let body = problem(response, StatusCode::CONFLICT, "patient_mismatch").await;
    assert_eq!(body["conflicts"], json!(["patient_name"]));
    let response = app.send_json(Method::POST, &path, &merge(kept, true)).await;
    problem(response, StatusCode::BAD_REQUEST, "invalid_field").await;

    let response = app.send_json(Method::POST, &path, &merge(other, false)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let moved = app.get_json(&format!("/api/scans/{}", text(&scan, "id"))).await;
    assert_eq!(moved["patient_id"], kept);
    for method in [Method::GET, Method::PUT] {
        let response = app
            .send_json(method, &format!("/api/patients/{other}"), &json!({}))
            .await;
        let body = problem(response, StatusCode::GONE, "patient_merged").await;
        assert_eq!(body["merged_into"], kept);
    }
    let response = upload(&app, b"x", &[("patient_id", other)]).await;
    problem(response, StatusCode::GONE, "patient_merged").await;
    for patient in [kept, other] {
        let events = events_of(&app, patient, "patient.merge").await;
        let told = events.iter().any(|event| {
            event["outcome"] == "success" && text(event, "detail") == format!("{other} into {kept}")
        });
        assert!(told, "{events:?}");
    }
    assert_eq!(app.database.verify_audit(None).await.unwrap().faults, []);
}
