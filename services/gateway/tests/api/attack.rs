//! What an attacker with the lowest key does to others: nothing that keeps them from their work.

use std::time::Duration;

use norma_database::Owner;
use norma_domain::Role;
use norma_gateway::StorageLimits;
use norma_object_storage::ObjectKey;
use norma_phantom::{PhantomOptions, TransferSyntax, phantom_zip};
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::{App, client, form, id_of, make_key, problem, spawn_app_with};
use crate::predict::archive_of;

/// An upload whose head has come and whose file has begun.
async fn begin_upload(app: &App, key: &str) -> TcpStream {
    let head = format!(
        "POST /api/scans HTTP/1.1\r\nHost: norma\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n--b\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
    );
    let address = app.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// The start of the answer, as soon as there is one.
async fn answer_of(stream: &mut TcpStream, within: Duration) -> Option<String> {
    let mut bytes = vec![0; 4096];
    let read = tokio::time::timeout(within, stream.read(&mut bytes)).await;
    let length = read.ok()?.unwrap_or(0);
    Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
}

async fn spooled(app: &App) -> usize {
    std::fs::read_dir(app.spool()).unwrap().count()
}

#[tokio::test]
async fn sixteen_uploads_that_trickle_lock_nobody_else_out() {
    let app = spawn_app_with(|_| {}).await;
    let attacker = make_key(&app.database, "attacker", &[Role::Integrator], |_| {}).await;
    // Another key of the same scope is no other uploader.
    let second = make_key(&app.database, "second", &[Role::Integrator], |key| {
        key.scope = "attacker".to_owned();
    })
    .await;
    let mut streams = Vec::new();
    for number in 0..16 {
        let key = if number % 2 == 0 { &attacker } else { &second };
        streams.push(begin_upload(&app, key).await);
    }
    let mut refused = 0;
    for stream in &mut streams {
        if let Some(answer) = answer_of(stream, Duration::from_millis(1500)).await {
            assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
            assert!(answer.contains("too_many_uploads"), "{answer}");
            refused += 1;
        }
    }
    assert_eq!((refused, spooled(&app).await), (10, 6));
    app.upload(b"a clinician's").await;
    drop(streams);
}

#[tokio::test]
async fn an_upload_without_an_end_is_given_up() {
    let app = spawn_app_with(|options| {
        options.upload_least_bytes_per_second = 0;
        options.upload_deadline = Duration::from_secs(1);
    })
    .await;
    let key = make_key(&app.database, "attacker", &[Role::Integrator], |_| {}).await;
    let (mut reader, mut writer) = begin_upload(&app, &key).await.into_split();
    let trickle = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut bytes = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(20), reader.read(&mut bytes));
    let length = read.await.expect("the upload is given up").unwrap();
    let answer = String::from_utf8_lossy(&bytes[..length]).into_owned();
    trickle.abort();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("upload_stalled"), "{answer}");
    assert_eq!(spooled(&app).await, 0);
}

async fn upload_with(app: &App, key: &str, path: &str, bytes: &[u8]) -> reqwest::Response {
    let request = client(Some(key)).request(Method::POST, format!("{}{path}", app.base));
    let request = request.header("prefer", "respond-async");
    request.multipart(form("a.zip", bytes)).send().await.unwrap()
}

#[tokio::test]
async fn what_one_has_stored_takes_nobody_elses_room() {
    let app = spawn_app_with(|options| {
        options.storage = StorageLimits {
            free_floor_bytes: 0,
            quota_bytes: 0,
            identity_quota_bytes: 2000,
            written_per_byte: 1,
            written_per_study_bytes: 100,
        };
    })
    .await;
    let attacker = make_key(&app.database, "attacker", &[Role::Integrator], |_| {}).await;
    let first = upload_with(&app, &attacker, "/api/scans", &[b'x'; 300]).await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let second = upload_with(&app, &attacker, "/api/scans", &[b'y'; 900]).await;
    let told = problem(second, StatusCode::INSUFFICIENT_STORAGE, "storage_full").await;
    assert_eq!(told["limit_bytes"], 2000);
    app.upload(&[b'z'; 400]).await;
}

#[tokio::test]
async fn the_quota_counts_what_is_written_of_an_upload_not_what_came() {
    let written = 100_000;
    let app = spawn_app_with(|options| {
        options.storage = StorageLimits {
            free_floor_bytes: 0,
            // A study with its volume, and half of another.
            quota_bytes: written * 3 / 2,
            identity_quota_bytes: 0,
            written_per_byte: 0,
            written_per_study_bytes: written,
        };
    })
    .await;
    let key = make_key(&app.database, "machine", &[Role::Integrator], |_| {}).await;
    let two = archive_of(&[("a", "1.2.3.1"), ("b", "1.2.3.2")]);
    let refused = upload_with(&app, &key, "/inference/predict", &two).await;
    problem(refused, StatusCode::INSUFFICIENT_STORAGE, "storage_full").await;
    assert_eq!(
        app.get_json("/api/scans").await["total"],
        0,
        "nothing of it is kept"
    );
    assert_eq!(spooled(&app).await, 0);
    // What was analysed counts with its volume.
    let one = app.upload(&archive_of(&[("a", "1.2.3.1")])).await;
    app.analyze(one).await;
    let refused = upload_with(&app, &key, "/api/scans", b"x").await;
    problem(refused, StatusCode::INSUFFICIENT_STORAGE, "storage_full").await;
}

/// A small study in an archive, and that archive in another: its index holds more than came.
fn archive_in_an_archive() -> Vec<u8> {
    let inner = archive_of(&[("a", "1.2.3.7")]);
    let mut outer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    outer.start_file("inner.zip", stored).unwrap();
    std::io::Write::write_all(&mut outer, &inner).unwrap();
    outer.finish().unwrap().into_inner()
}

async fn spawn_app_with_quota(identity_quota_bytes: u64) -> App {
    spawn_app_with(|options| {
        options.storage = StorageLimits {
            free_floor_bytes: 0,
            quota_bytes: 0,
            identity_quota_bytes,
            written_per_byte: 0,
            written_per_study_bytes: 0,
        };
    })
    .await
}

#[tokio::test]
async fn an_archive_in_an_archive_counts_with_what_its_index_holds() {
    let nested = archive_in_an_archive();
    let size = nested.len() as u64;
    let app = spawn_app_with_quota(60 * size).await;
    let attacker = make_key(&app.database, "attacker", &[Role::Integrator], |_| {}).await;
    let uploaded = upload_with(&app, &attacker, "/api/scans", &nested).await;
    assert_eq!(uploaded.status(), StatusCode::CREATED);
    let found = client(Some(&attacker)).get(format!("{}/dicom-web/studies", app.base));
    assert_eq!(found.send().await.unwrap().status(), StatusCode::OK);
    let owner = Owner::Scope("attacker".to_owned());
    let stored = app.database.stored_work(Some(owner)).await.unwrap();
    assert_eq!(stored.original_bytes, size);
    assert!(stored.index_bytes > size, "{} of {size}", stored.index_bytes);
    // What would fit beside the original alone.
    let next = vec![b'x'; usize::try_from(59 * size - stored.index_bytes + 1).unwrap()];
    let refused = upload_with(&app, &attacker, "/api/scans", &next).await;
    problem(refused, StatusCode::INSUFFICIENT_STORAGE, "storage_full").await;
    let accepted = upload_with(&app, &attacker, "/api/scans", &next[1000..]).await;
    assert_eq!(accepted.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn an_index_that_a_quota_does_not_hold_is_not_kept() {
    let nested = archive_in_an_archive();
    let app = spawn_app_with_quota(nested.len() as u64 + 700).await;
    let attacker = make_key(&app.database, "attacker", &[Role::Integrator], |_| {}).await;
    let uploaded = upload_with(&app, &attacker, "/api/scans", &nested).await;
    let scan: serde_json::Value = uploaded.json().await.unwrap();
    let scan_id = id_of(&scan);
    // Asked again, it is said again.
    for _ in 0..2 {
        let found = client(Some(&attacker)).get(format!("{}/dicom-web/studies", app.base));
        let found = found.send().await.unwrap();
        assert!(
            found.headers().contains_key("warning"),
            "not all could be indexed"
        );
    }
    let index = app.objects.size(ObjectKey::Instances(scan_id)).await.unwrap();
    assert_eq!(index, None);
}

#[tokio::test]
async fn a_viewer_that_asks_for_every_frame_at_once_has_them_all() {
    let app = spawn_app_with(|_| {}).await;
    let options = PhantomOptions {
        slices: 12,
        size: 64,
        transfer_syntax: TransferSyntax::RleLossless,
        ..PhantomOptions::small()
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("phantom.zip");
    let series = phantom_zip(&options, &file).unwrap();
    let key = make_key(&app.database, "machine", &[Role::Integrator], |_| {}).await;
    let uploaded = upload_with(&app, &key, "/api/scans", &std::fs::read(&file).unwrap()).await;
    assert_eq!(uploaded.status(), StatusCode::CREATED);
    let viewer = client(Some(&key));
    // Nothing is indexed yet: they all come before the index.
    let asked = (0..40).map(|number| {
        let uid = &series.sop_instance_uids[number % options.slices];
        let url = format!(
            "{}/dicom-web/studies/{}/series/{}/instances/{}/frames/1",
            app.base,
            series.study_instance_uid.as_str(),
            series.series_instance_uid.as_str(),
            uid.as_str()
        );
        viewer
            .get(url)
            .header("accept", "application/octet-stream")
            .send()
    });
    for answer in futures::future::join_all(asked).await {
        let answer = answer.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.bytes().await.unwrap().len(), 64 * 64 * 2);
    }
    // What was unpacked for them is gone, but for the frames that are kept for the next look.
    assert!(spooled(&app).await <= 8, "{} files", spooled(&app).await);
}
