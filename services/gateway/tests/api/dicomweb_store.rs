//! STOW-RS: what is answered as stored is found, retrieved and analysed; what is not is named.

use norma_domain::Role;
use norma_phantom::{PhantomOptions, PhantomSeries, write_phantom_series};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::app::{App, client, make_key, problem, spawn_app, spawn_app_with};
use crate::dicom_results::{answered_phantom, put_masks};
use crate::worker::Says;

const BOUNDARY: &str = "0f3cf5c0-70e0-41ef";
const JSON: &str = "application/dicom+json";

pub(crate) struct Study {
    series: PhantomSeries,
    pub(crate) files: Vec<Vec<u8>>,
}

pub(crate) fn study(seed: u64) -> Study {
    let folder = tempfile::tempdir().unwrap();
    let options = PhantomOptions {
        slices: 4,
        size: 64,
        seed,
        ..PhantomOptions::small()
    };
    let series = write_phantom_series(&options, folder.path()).unwrap();
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    Study {
        series,
        files: names.iter().map(|name| std::fs::read(name).unwrap()).collect(),
    }
}

fn body<'a>(files: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    let mut body = Vec::new();
    for file in files {
        body.extend(format!("\r\n--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n").bytes());
        body.extend(file);
    }
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
    body
}

fn store_request(app: &App, path: &str, body: Vec<u8>) -> RequestBuilder {
    app.request(Method::POST, &format!("/dicom-web{path}"))
        .header(
            "content-type",
            format!("multipart/related; type=\"application/dicom\"; boundary=\"{BOUNDARY}\""),
        )
        .header("accept", JSON)
        .body(body)
}

pub(crate) async fn store<'a>(
    app: &App,
    path: &str,
    files: impl IntoIterator<Item = &'a Vec<u8>>,
) -> Response {
    store_request(app, path, body(files)).send().await.unwrap()
}

async fn document(response: Response, status: StatusCode) -> Value {
    assert_eq!(response.headers()["content-type"], JSON);
    assert_eq!(response.status(), status);
    response.json().await.unwrap()
}

fn items<'a>(document: &'a Value, tag: &str) -> &'a [Value] {
    document[tag]["Value"].as_array().map_or(&[], Vec::as_slice)
}

fn reasons(document: &Value, tag: &str) -> Vec<u64> {
    items(document, tag)
        .iter()
        .map(|item| item["00081197"]["Value"][0].as_u64().unwrap())
        .collect()
}

const REFERENCED: &str = "00081199";
const FAILED: &str = "00081198";
const OTHER: &str = "0008119A";

#[tokio::test]
async fn a_study_is_stored_retrieved_and_analysed() {
    let app = spawn_app().await;
    let study = study(1);
    let answer = document(store(&app, "/studies", &study.files).await, StatusCode::OK).await;
    let uid = study.series.study_instance_uid.as_str();
    assert_eq!(
        answer["00081190"]["Value"][0],
        format!("{}/dicom-web/studies/{uid}", app.base)
    );
    assert!(answer.get(FAILED).is_none() && answer.get(OTHER).is_none());
    let stored = items(&answer, REFERENCED);
    assert_eq!(stored.len(), 4);
    for (item, file) in stored.iter().zip(&study.files) {
        let url = item["00081190"]["Value"][0].as_str().unwrap();
        let given = app
            .client
            .get(url)
            .header("accept", "application/dicom")
            .send()
            .await
            .unwrap();
        assert_eq!(
            given.bytes().await.unwrap(),
            file,
            "an instance came back changed"
        );
    }
    let scans = app.get_json("/api/scans").await;
    assert_eq!(scans["total"], 1);
    assert!(scans["items"][0]["latest_analysis_id"].is_string(), "{scans}");
    assert_eq!(app.get_json("/inference/predictions").await["total"], 1);
    let audit = app.get_json("/api/audit").await;
    let actions: Vec<&str> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["action"].as_str())
        .collect();
    assert!(actions.contains(&"dicomweb.store"), "{actions:?}");
}

/// What a part says of itself need not be said: it is taken by what it holds, and one that holds nothing of use fails alone.
#[tokio::test]
async fn parts_without_headers_are_what_they_hold() {
    let app = spawn_app().await;
    let study = study(1);
    let mut parts = Vec::new();
    for (file, headers) in study
        .files
        .iter()
        .zip(["", "Content-ID: <1>\r\n", "", "A: b\r\n"])
    {
        parts.extend(format!("--{BOUNDARY}\r\n{headers}\r\n").bytes());
        parts.extend(file);
        parts.extend(b"\r\n");
    }
    let whole = [parts.clone(), format!("--{BOUNDARY}--\r\n").into_bytes()].concat();
    let answer = store_request(&app, "/studies", whole).send().await.unwrap();
    let answer = document(answer, StatusCode::OK).await;
    assert_eq!(items(&answer, REFERENCED).len(), 4);

    let empty = format!("--{BOUNDARY}\r\n\r\nno file\r\n--{BOUNDARY}\r\n\r\n\r\n--{BOUNDARY}--\r\n");
    let answer = store_request(&app, "/studies", [parts, empty.into_bytes()].concat());
    let answer = document(answer.send().await.unwrap(), StatusCode::ACCEPTED).await;
    assert_eq!(items(&answer, REFERENCED).len(), 4);
    assert_eq!(reasons(&answer, OTHER), [0xC000, 0xC000]);
}

#[tokio::test]
async fn two_studies_in_one_request_are_two() {
    let app = spawn_app().await;
    let (one, other) = (study(1), study(2));
    let files = one.files.iter().chain(&other.files);
    let answer = document(store(&app, "/studies", files).await, StatusCode::OK).await;
    assert_eq!(items(&answer, REFERENCED).len(), 8);
    assert!(answer.get("00081190").is_none(), "no one study");
    assert_eq!(app.get_json("/api/scans").await["total"], 2);
}

#[tokio::test]
async fn an_instance_of_another_study_is_not_stored() {
    let app = spawn_app().await;
    let (one, other) = (study(1), study(2));
    let path = format!("/studies/{}", one.series.study_instance_uid);
    let refused = document(store(&app, &path, &other.files).await, StatusCode::CONFLICT).await;
    assert_eq!(reasons(&refused, FAILED), [0xA900; 4]);
    assert!(refused.get(REFERENCED).is_none());
    assert_eq!(app.get_json("/api/scans").await["total"], 0);

    let files = one.files.iter().chain(&other.files[..1]);
    let answer = document(store(&app, &path, files).await, StatusCode::ACCEPTED).await;
    assert_eq!(items(&answer, REFERENCED).len(), 4);
    assert_eq!(reasons(&answer, FAILED), [0xA900]);
    assert!(items(&answer, FAILED)[0]["00081155"]["Value"][0].is_string());
    let found = app
        .request(Method::GET, "/dicom-web/studies")
        .header("accept", JSON)
        .send()
        .await
        .unwrap();
    let found: Vec<Value> = found.json().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0]["0020000D"]["Value"][0],
        one.series.study_instance_uid.as_str()
    );
    assert_eq!(found[0]["00201208"]["Value"][0], 4);
}

#[tokio::test]
async fn what_is_no_instance_is_told_and_the_rest_is_stored() {
    let app = spawn_app().await;
    let study = study(1);
    let damaged = study.files[3][..160].to_vec();
    let nothing = b"no DICOM at all".to_vec();
    let none = document(
        store(&app, "/studies", [&damaged, &nothing]).await,
        StatusCode::CONFLICT,
    )
    .await;
    assert_eq!(reasons(&none, OTHER), [0xC000; 2]);
    assert_eq!(app.get_json("/api/scans").await["total"], 0);

    // An instance that comes twice is stored once, and that is no failure.
    let files = [
        &study.files[0],
        &nothing,
        &study.files[1],
        &study.files[0],
        &damaged,
    ];
    let mut request = store_request(&app, "/studies", body(files)).build().unwrap();
    request
        .headers_mut()
        .insert("accept", "application/dicom+xml".parse().unwrap());
    let answer = app.client.execute(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert_eq!(answer.headers()["content-type"], "application/dicom+xml");
    let xml = answer.text().await.unwrap();
    assert_eq!(
        xml.matches("keyword=\"ReferencedSOPInstanceUID\"").count(),
        2,
        "{xml}"
    );
    assert_eq!(
        xml.matches("<Value number=\"1\">49152</Value>").count(),
        2,
        "{xml}"
    );
}

#[tokio::test]
async fn a_request_is_bounded_and_refused_as_an_upload_is() {
    let app = spawn_app_with(|options| options.upload_limit_bytes = 20_000).await;
    let study = study(1);
    let large = store(&app, "/studies", &study.files).await;
    problem(large, StatusCode::PAYLOAD_TOO_LARGE, "upload_too_large").await;
    let empty = store(&app, "/studies", []).await;
    problem(empty, StatusCode::UNPROCESSABLE_ENTITY, "empty_upload").await;
    let cut = store_request(&app, "/studies", body(&study.files[..1])[..9_000].to_vec());
    problem(
        cut.send().await.unwrap(),
        StatusCode::BAD_REQUEST,
        "upload_incomplete",
    )
    .await;
    let uid = store(&app, &format!("/studies/{}", "1.".repeat(40)), &study.files[..1]).await;
    problem(uid, StatusCode::BAD_REQUEST, "invalid_parameter").await;
    let wrong = app
        .request(Method::POST, "/dicom-web/studies")
        .header("content-type", "application/dicom")
        .body(study.files[0].clone());
    problem(
        wrong.send().await.unwrap(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
    )
    .await;
    let mut html = store_request(&app, "/studies", body(&study.files[..1]))
        .build()
        .unwrap();
    html.headers_mut().insert("accept", "text/html".parse().unwrap());
    problem(
        app.client.execute(html).await.unwrap(),
        StatusCode::NOT_ACCEPTABLE,
        "not_acceptable",
    )
    .await;
    let url = format!("{}/dicom-web/studies", app.base);
    problem(
        app.nobody.post(url).body("x").send().await.unwrap(),
        StatusCode::UNAUTHORIZED,
        "not_authenticated",
    )
    .await;
    assert_eq!(
        std::fs::read_dir(app.spool()).unwrap().count(),
        0,
        "nothing is left over"
    );
    assert_eq!(app.get_json("/api/scans").await["total"], 0);
}

#[tokio::test]
async fn where_uploads_are_deidentified_nothing_is_stored_under_its_uids() {
    let app = spawn_app_with(|options| options.deidentify_uploads = true).await;
    let refused = store(&app, "/studies", &study(1).files).await;
    problem(refused, StatusCode::CONFLICT, "stores_deidentified").await;
}

#[tokio::test]
async fn an_integrator_stores_its_own_and_a_request_sent_again_is_one() {
    let app = spawn_app().await;
    let study = study(1);
    let key = make_key(&app.database, "pacs", &[Role::Integrator], |_| {}).await;
    let integrator = client(Some(&key));
    for _ in 0..2 {
        let mut request = store_request(&app, "/studies", body(&study.files))
            .header("idempotency-key", "study-1")
            .build()
            .unwrap();
        let bearer = format!("Bearer {key}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        let answer = integrator.execute(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    assert_eq!(app.get_json("/api/scans").await["total"], 1);
    let own = integrator
        .get(format!("{}/api/scans", app.base))
        .send()
        .await
        .unwrap();
    assert_eq!(own.json::<Value>().await.unwrap()["total"], 1);
}

/// A PACS that routes what it gets sends results back to where they came from.
#[tokio::test]
async fn results_that_come_back_are_had_and_make_no_study() {
    let app = spawn_app().await;
    let (_, analysis_id) = answered_phantom(&app, Says::Pathology(0.9)).await;
    put_masks(&app, analysis_id).await;
    let mut results = Vec::new();
    for name in [
        "report",
        "verdict",
        "key-slice-1",
        "key-objects",
        "segmentation-lungs",
    ] {
        let object = app
            .get(&format!("/api/analyses/{analysis_id}/dicom/{name}"))
            .await;
        results.push(object.bytes().await.unwrap().to_vec());
    }
    let answer = document(store(&app, "/studies", &results).await, StatusCode::OK).await;
    assert_eq!(items(&answer, REFERENCED).len(), results.len());
    assert!(items(&answer, FAILED).is_empty());
    assert_eq!(
        app.get_json("/api/scans").await["total"],
        1,
        "nothing new is analysed"
    );
    assert_eq!(app.get_json("/inference/predictions").await["total"], 0);

    // Beside a study they are left out of it.
    let study = study(7);
    let files = study.files.iter().chain(&results[..1]);
    let answer = document(store(&app, "/studies", files).await, StatusCode::OK).await;
    assert_eq!(items(&answer, REFERENCED).len(), study.files.len() + 1);
    let scans = app.get_json("/api/scans").await;
    assert_eq!(scans["total"], 2);
    let file = format!("/api/scans/{}/file", scans["items"][0]["id"].as_str().unwrap());
    let archive = app.get(&file).await.bytes().await.unwrap();
    let archive = zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap();
    assert_eq!(archive.len(), study.files.len());

    // The same class and form of UID by another maker is an instance as any other.
    let mut foreign = results[1].clone();
    let at = foreign.windows(6).position(|bytes| bytes == b"Norma ").unwrap();
    foreign[at..at + 6].copy_from_slice(b"Other ");
    document(store(&app, "/studies", [&foreign]).await, StatusCode::OK).await;
    assert_eq!(app.get_json("/api/scans").await["total"], 3);
}

/// A SOP Instance UID stands for one content, here as by C-STORE.
#[tokio::test]
async fn what_came_first_stays_and_another_data_set_is_refused() {
    let app = spawn_app().await;
    let study = study(1);
    let mut other = study.files[1].clone();
    // A voxel of the last row.
    let last = other.len() - 2;
    other[last] ^= 1;
    // Who writes files writes a head of its own, which does not count.
    let mut rewritten = study.files[2].clone();
    rewritten[0] = 7;
    document(store(&app, "/studies", &study.files[..3]).await, StatusCode::OK).await;

    let files = [&study.files[0], &other, &rewritten, &study.files[3]];
    let answer = document(store(&app, "/studies", files).await, StatusCode::ACCEPTED).await;
    assert_eq!(reasons(&answer, FAILED), [0x0111]);
    assert!(items(&answer, OTHER).is_empty());
    assert_eq!(items(&answer, REFERENCED).len(), 3);
    let uid = |item: &Value| item["00081155"]["Value"][0].as_str().unwrap().to_owned();
    let refused = uid(&items(&answer, FAILED)[0]);
    assert!(items(&answer, REFERENCED).iter().all(|item| uid(item) != refused));
    let alone = document(store(&app, "/studies", [&other]).await, StatusCode::CONFLICT).await;
    assert_eq!(reasons(&alone, FAILED), [0x0111]);
    let scans = app.get_json("/api/scans").await;
    assert_eq!(scans["total"], 2, "what is refused makes no study");

    // People see it, and what is given out is what came first.
    let events = app.get_json("/api/audit?action=dicomweb.other_content").await;
    assert_eq!(events["total"], 2, "{events}");
    let first = &scans["items"].as_array().unwrap().last().unwrap()["id"];
    for event in events["items"].as_array().unwrap() {
        assert_eq!(
            (&event["object_id"], event["outcome"].as_str()),
            (first, Some("refused")),
            "{event}"
        );
    }
    let path = format!("/dicom-web/studies/{}", study.series.study_instance_uid);
    let given = app.request(Method::GET, &path).header(
        "accept",
        "multipart/related; type=\"application/dicom\"; transfer-syntax=*",
    );
    let given = given.send().await.unwrap().bytes().await.unwrap();
    let holds = |file: &[u8]| {
        given
            .windows(4096)
            .any(|window| window == &file[file.len() - 4096..])
    };
    assert!(holds(&study.files[1]) && !holds(&other));

    // What another integrator has is no matter of this one's.
    let key = make_key(&app.database, "elsewhere", &[Role::Integrator], |_| {}).await;
    let mut request = store_request(&app, "/studies", body([&other])).build().unwrap();
    request
        .headers_mut()
        .insert("authorization", format!("Bearer {key}").parse().unwrap());
    let answer = client(Some(&key)).execute(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn of_two_contents_in_one_request_the_first_is_stored() {
    let app = spawn_app().await;
    let study = study(1);
    let mut other = study.files[0].clone();
    let last = other.len() - 2;
    other[last] ^= 1;
    let files = [&study.files[0], &study.files[1], &other];
    let answer = document(store(&app, "/studies", files).await, StatusCode::ACCEPTED).await;
    assert_eq!(reasons(&answer, FAILED), [0x0111]);
    assert_eq!(items(&answer, REFERENCED).len(), 2);
    assert_eq!(
        items(&answer, FAILED)[0]["00081155"],
        items(&answer, REFERENCED)[0]["00081155"]
    );
    let scans = app.get_json("/api/scans").await;
    let file = format!("/api/scans/{}/file", scans["items"][0]["id"].as_str().unwrap());
    let archive = app.get(&file).await.bytes().await.unwrap();
    let archive = zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap();
    assert_eq!(archive.len(), 2);
    assert_eq!(
        app.get_json("/api/audit?action=dicomweb.other_content").await["total"],
        1
    );
}
