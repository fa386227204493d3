//! An upload under SOP Instance UIDs that are known already, with other bytes.

use std::io::{Cursor, Read as _, Write as _};

use norma_phantom::{PhantomOptions, phantom_zip};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use zip::write::SimpleFileOptions;

use crate::app::{App, form, spawn_app};
use crate::dicom_results::answered_phantom;
use crate::worker::Says;

/// The files of the study that [`answered_phantom`] uploads.
fn phantom_files() -> Vec<(String, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("phantom.zip");
    phantom_zip(&PhantomOptions::small(), &path).unwrap();
    let mut archive = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut file = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            (file.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

fn zip_of(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive
            .start_file(format!("again/{name}"), SimpleFileOptions::default())
            .unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

async fn upload(app: &App, query: &str, bytes: &[u8]) -> (StatusCode, Value) {
    let request = app.request(Method::POST, &format!("/api/scans{query}"));
    let answer = request.multipart(form("again.zip", bytes)).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test]
async fn other_content_under_known_names_is_told_and_overwrites_nothing() {
    let app = spawn_app().await;
    let (first, _) = answered_phantom(&app, Says::Pathology(0.9)).await;
    let original = app.get(&format!("/api/scans/{first}/file")).await;
    let original = original.bytes().await.unwrap();
    let same = phantom_files();
    let mut other = same.clone();
    for (_, bytes) in &mut other[..2] {
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
    }

    // The same images in another archive.
    let (status, repacked) = upload(&app, "", &zip_of(&same)).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(repacked["duplicate_of"], first.to_string());
    assert_eq!(repacked.get("other_content"), None, "{repacked}");
    let (status, reused) = upload(&app, "?duplicate=reuse", &zip_of(&same[..2])).await;
    assert_eq!(status, StatusCode::OK, "all of it is there");
    assert_eq!(reused["id"], first.to_string());

    // Other pixels under two of their names: stored beside what there is, and told.
    for (query, files) in [("", &other[..]), ("?duplicate=reuse", &other[..3])] {
        let (status, changed) = upload(&app, query, &zip_of(files)).await;
        assert_eq!(status, StatusCode::CREATED, "{query}");
        assert_eq!(changed["other_content"], 2, "{changed}");
        assert_eq!(changed["duplicate_of"], first.to_string());
        let file = format!("/api/scans/{}/file", changed["id"].as_str().unwrap());
        let stored = app.get(&file).await.bytes().await.unwrap();
        assert_eq!(stored, zip_of(files), "{query}");
    }
    let events = app.get_json("/api/audit?action=scan.upload").await;
    let told = events["items"].as_array().unwrap().iter();
    let told = told.filter(|event| {
        event["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("2 instances have another data set"))
    });
    assert_eq!(told.count(), 2, "{events}");

    // What the earlier scan lacks is no reason to answer with it either.
    let mut more = same.clone();
    let (name, mut bytes) = more[0].clone();
    rename_instance(&mut bytes);
    more.push((format!("new-{name}"), bytes));
    let (status, longer) = upload(&app, "?duplicate=reuse", &zip_of(&more)).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(longer["duplicate_of"], first.to_string());
    assert_eq!(longer.get("other_content"), None, "{longer}");

    let kept = app.get(&format!("/api/scans/{first}/file")).await;
    assert_eq!(kept.bytes().await.unwrap(), original);
    let (status, refused) = upload(&app, "?duplicate=refuse", &zip_of(&other)).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(refused["code"], "duplicate_scan");
}

#[tokio::test]
async fn a_prediction_is_held_against_earlier_scans_before_they_are_prepared() {
    let app = spawn_app().await;
    let same = phantom_files();
    let mut other = same.clone();
    for (_, bytes) in &mut other[..2] {
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
    }
    let predict = async |files: &[(String, Vec<u8>)]| -> Value {
        let request = app
            .request(Method::POST, "/inference/predict")
            .header("Prefer", "wait=0");
        let answer = request
            .multipart(form("study.zip", &zip_of(files)))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        answer.json().await.unwrap()
    };
    // Nothing is prepared: no worker runs.
    let first = predict(&same).await;
    let study = &first["studies"][0];
    let scan = study["scan_id"].as_str().unwrap();
    assert_eq!(study.get("duplicate_of"), None, "{first}");
    let again = predict(&same).await;
    assert_eq!(again["studies"][0]["duplicate_of"], scan);
    assert_eq!(again["studies"][0].get("other_content"), None, "{again}");
    let changed = predict(&other).await;
    assert_eq!(changed["studies"][0]["duplicate_of"], scan);
    assert_eq!(changed["studies"][0]["other_content"], 2, "{changed}");
    let events = app.get_json("/api/audit?action=prediction.request").await;
    let told = events["items"].as_array().unwrap().iter();
    let told = told.filter(|event| {
        event["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("2 instances have another data set"))
    });
    assert_eq!(told.count(), 1, "{events}");
    // And an upload of one study is held against it as well.
    let (status, uploaded) = upload(&app, "", &zip_of(&other[..3])).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(uploaded["duplicate_of"], scan, "{uploaded}");
    assert_eq!(uploaded["other_content"], 2, "{uploaded}");
}

/// Gives the instance another SOP Instance UID of the same length.
fn rename_instance(bytes: &mut [u8]) {
    let head = b"\x08\0\x18\0UI";
    let at = bytes
        .windows(head.len())
        .position(|window| window == head)
        .unwrap()
        + head.len();
    let length = usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let value = &mut bytes[at + 2..at + 2 + length];
    let last = value.iter().rposition(u8::is_ascii_digit).unwrap();
    value[last] = if value[last] == b'7' { b'8' } else { b'7' };
    // Numbers that begin alike: the one before it makes sure that no other image has the name.
    value[last - 1] = if value[last - 1] == b'9' { b'8' } else { b'9' };
}
