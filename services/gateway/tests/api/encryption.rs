//! What is stored encrypted is given back as it came, and a key that is missing is told as that.

use std::path::PathBuf;

use chrono::Utc;
use norma_access::TotpSecret;
use norma_domain::{ScanId, UserId};
use norma_encryption::{KeyRing, open_secret, second_factor_context};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::{App, form, id_of, problem, spawn_app_encrypted};
use crate::identity::{PASSWORD, browser};
use crate::predict::archive_of;
use crate::second_factor::code_of_the_step_before;

const SECOND_FACTOR: &str = "/api/session/second-factor";

struct Keys {
    _folder: TempDir,
    file: PathBuf,
}

fn keys(id: &str) -> Keys {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(&file, KeyRing::new_line(id).unwrap()).unwrap();
    Keys {
        _folder: folder,
        file,
    }
}

fn stored(app: &App, scan_id: ScanId) -> PathBuf {
    app.folder
        .path()
        .join("objects/originals")
        .join(scan_id.to_string())
}

#[tokio::test]
async fn an_encrypted_original_is_given_back_whole_and_in_ranges() {
    let keys = keys("2026");
    let app = spawn_app_encrypted(keys.file.clone()).await;
    let bytes = "PatientName Ivan Ivanov ".repeat(20_000).into_bytes();
    let sent = app
        .request(Method::POST, "/api/scans")
        .multipart(form("study.zip", &bytes))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), StatusCode::CREATED);
    let scan_id: ScanId = id_of(&sent.json().await.unwrap());
    let file = std::fs::read(stored(&app, scan_id)).unwrap();
    assert!(!file.windows(6).any(|part| part == b"Ivanov"));

    let path = format!("/api/scans/{scan_id}/file");
    let whole = app.get(&path).await;
    assert_eq!(whole.headers()["content-length"], bytes.len().to_string());
    assert_eq!(whole.bytes().await.unwrap(), bytes);
    for (range, from, to) in [
        ("bytes=65530-65545", 65_530, 65_546),
        ("bytes=-7", bytes.len() - 7, bytes.len()),
    ] {
        let part = app.request(Method::GET, &path).header("range", range).send();
        let part = part.await.unwrap();
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.bytes().await.unwrap(), bytes[from..to]);
    }
}

#[tokio::test]
async fn an_original_whose_key_is_missing_is_unavailable_and_not_unknown() {
    let keys = keys("2026");
    let app = spawn_app_encrypted(keys.file.clone()).await;
    let scan_id = app.upload(b"a study").await;
    // Encrypted with a key of another id, as far as anybody can tell.
    let mut file = std::fs::read(stored(&app, scan_id)).unwrap();
    assert_eq!(&file[9..13], b"2026");
    file[9..13].copy_from_slice(b"2025");
    std::fs::write(stored(&app, scan_id), file).unwrap();
    let answer = app.get(&format!("/api/scans/{scan_id}/file")).await;
    let document = problem(answer, StatusCode::SERVICE_UNAVAILABLE, "unavailable").await;
    assert_eq!(document["dependency"], "objects");
}

#[tokio::test]
async fn a_damaged_original_is_given_to_nobody_as_whole() {
    let keys = keys("2026");
    let app = spawn_app_encrypted(keys.file.clone()).await;
    let scan_id = app.upload(&vec![7; 300_000]).await;
    let mut file = std::fs::read(stored(&app, scan_id)).unwrap();
    let last = file.len() - 1;
    file[last] ^= 1;
    std::fs::write(stored(&app, scan_id), file).unwrap();
    let answer = app.get(&format!("/api/scans/{scan_id}/file")).await;
    // The length was said before: the connection ends early.
    assert!(answer.status().is_server_error() || answer.bytes().await.is_err());
}

/// A search through all studies answers what it can, and says that something is missing.
#[tokio::test]
async fn a_study_whose_files_are_damaged_hides_no_other_from_a_search() {
    let keys = keys("2026");
    let app = spawn_app_encrypted(keys.file.clone()).await;
    let (damaged, whole) = ("1.2.3.1", "1.2.3.2");
    let mut scans = Vec::new();
    for study in [damaged, whole] {
        scans.push(app.upload(&archive_of(&[("a", study)])).await);
    }
    // They are indexed, and nothing of them is in memory yet.
    let found: Vec<Value> = app.get("/dicom-web/studies").await.json().await.unwrap();
    assert_eq!(found.len(), 2);
    for of in ["instances", "originals"] {
        let path = app
            .folder
            .path()
            .join("objects")
            .join(of)
            .join(scans[0].to_string());
        let mut file = std::fs::read(&path).unwrap();
        let last = file.len() - 1;
        file[last] ^= 1;
        std::fs::write(&path, file).unwrap();
    }
    for path in ["/dicom-web/series", "/dicom-web/instances"] {
        let found = app.get(path).await;
        assert_eq!(found.status(), StatusCode::OK, "{path}");
        let warning = found.headers()["warning"].to_str().unwrap().to_owned();
        assert!(warning.contains("cannot be read"), "{warning}");
        let found: Vec<Value> = found.json().await.unwrap();
        let studies: Vec<&Value> = found.iter().map(|found| &found["0020000D"]["Value"][0]).collect();
        assert_eq!(studies, [whole], "{path}");
    }
}

#[tokio::test]
async fn secrets_of_second_factors_are_encrypted_and_their_codes_sign_in() {
    let keys = keys("2026");
    let ring = KeyRing::read(&keys.file).unwrap();
    let app = spawn_app_encrypted(keys.file.clone()).await;
    let (user, own) = app.signed_in("anna", &["clinician"]).await;
    let id: UserId = id_of(&user);
    let begun = app.as_browser(&own, Method::POST, SECOND_FACTOR, None).await;
    let begun: Value = begun.json().await.unwrap();

    let stored = app.database.second_factor_secret(id).await.unwrap().unwrap();
    let context = second_factor_context(&id.to_string());
    let secret = open_secret(Some(&ring), &context, stored.clone()).await.unwrap();
    assert!(!stored.windows(secret.len()).any(|part| part == secret));
    let secret = TotpSecret::from_bytes(secret);
    assert_eq!(begun["secret"], secret.enrolment("Norma", "anna").unwrap().secret);
    // Bound to its account.
    let another = second_factor_context(&UserId::generate().to_string());
    assert!(open_secret(Some(&ring), &another, stored).await.is_err());

    let code = |steps: i64| {
        let at = Utc::now().timestamp() + 30 * steps;
        secret.code_at(at.unsigned_abs()).unwrap()
    };
    let before = json!({"code": code_of_the_step_before(&secret).await});
    let confirmed = app
        .as_browser(&own, Method::PUT, SECOND_FACTOR, Some(&before))
        .await;
    assert_eq!(confirmed.status(), StatusCode::OK);
    let body = json!({"login": "anna", "password": PASSWORD, "code": code(0)});
    let signed_in = app.anonymously(Method::POST, "/api/session", Some(&body)).await;
    assert_eq!(signed_in.status(), StatusCode::OK);
    browser(signed_in).await;

    // Encrypted with a key that is not there: no code is wrong because of that.
    let mut stored = app.database.second_factor_secret(id).await.unwrap().unwrap();
    let before = stored.clone();
    stored[9..13].copy_from_slice(b"2025");
    let replaced = app.database.replace_second_factor_secret(id, before, stored);
    assert!(replaced.await.unwrap());
    let body = json!({"login": "anna", "password": PASSWORD, "code": code(1)});
    let answer = app.anonymously(Method::POST, "/api/session", Some(&body)).await;
    let document = problem(answer, StatusCode::SERVICE_UNAVAILABLE, "unavailable").await;
    assert_eq!(document["dependency"], "keys");
}
