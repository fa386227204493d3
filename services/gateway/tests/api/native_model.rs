//! Data sets as XML (PS3.19 annex A), as every origin server has them: of work items both ways, of searches and of metadata.

use norma_dicom_instances::{Attributes, read_native_model, write_native_model};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, problem, spawn_app};
use crate::dicomweb_store::{store, study};
use crate::workitems::{item, read, value};

const XML: &str = "application/dicom+xml";
const PARTS: &str = "multipart/related; type=\"application/dicom+xml\"";

fn xml_of(document: &Value) -> String {
    let attributes: Attributes = serde_json::from_value(document.clone()).unwrap();
    write_native_model(&attributes)
}

async fn get(app: &App, path: &str, accept: &str) -> Response {
    let request = app.request(Method::GET, path).header("accept", accept);
    request.send().await.unwrap()
}

/// The data sets of the parts of an answer.
async fn parts(answer: Response) -> Vec<Value> {
    assert_eq!(answer.status(), StatusCode::OK);
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    let boundary = kind
        .strip_prefix("multipart/related; type=\"application/dicom+xml\"; boundary=")
        .unwrap()
        .to_owned();
    let body = answer.text().await.unwrap();
    let body = body.strip_suffix(&format!("\r\n--{boundary}--\r\n")).unwrap();
    let limit = format!("--{boundary}\r\n");
    let parts = body.split(&limit).skip(1);
    parts
        .map(|part| {
            let xml = part
                .strip_prefix("Content-Type: application/dicom+xml\r\n\r\n")
                .unwrap();
            json!(read_native_model(xml.trim_end().as_bytes()).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn a_work_item_is_made_changed_and_read_as_xml() {
    let app = spawn_app().await;
    let send = async |method: Method, path: &str, body: String| {
        let request = app.request(method, &format!("/dicom-web/workitems{path}"));
        request
            .header("content-type", XML)
            .body(body)
            .send()
            .await
            .unwrap()
    };
    let mut wanted = item(Some("OTHER"), None);
    wanted["00100010"] = json!({ "vr": "PN", "Value": [{ "Alphabetic": "DOE^JANE & CO" }] });
    let created = send(Method::POST, "?1.1", xml_of(&wanted)).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    let claim = json!({ "00741000": value("CS", "IN PROGRESS"), "00081195": value("UI", "1.9") });
    let claimed = send(Method::PUT, "/1.1/state", xml_of(&claim)).await;
    assert_eq!(claimed.status(), StatusCode::OK);

    let kept = read(&app, "1.1").await;
    assert_eq!(kept["00100010"], wanted["00100010"]);
    assert_eq!(kept["00741000"]["Value"][0], "IN PROGRESS");
    let answer = get(&app, "/dicom-web/workitems/1.1", XML).await;
    assert_eq!(answer.headers()["content-type"], XML);
    let document = read_native_model(answer.text().await.unwrap().as_bytes()).unwrap();
    assert_eq!(json!(document), kept);
    let found = get(&app, "/dicom-web/workitems?00741000=IN%20PROGRESS", PARTS).await;
    assert_eq!(parts(found).await, [kept]);

    for body in ["<NativeDicomModel>", "{}"] {
        let refused = send(Method::POST, "?1.2", body.to_owned()).await;
        problem(refused, StatusCode::BAD_REQUEST, "workitem_not_readable").await;
    }
    let list = get(&app, "/dicom-web/workitems", XML).await;
    problem(list, StatusCode::NOT_ACCEPTABLE, "not_acceptable").await;
}

#[tokio::test]
async fn searches_and_metadata_are_the_same_as_xml() {
    let app = spawn_app().await;
    let study = study(3);
    assert_eq!(
        store(&app, "/studies", &study.files).await.status(),
        StatusCode::OK
    );
    let all: Value = app.get_json("/dicom-web/studies").await;
    let uid = all[0]["0020000D"]["Value"][0].as_str().unwrap();
    for path in [
        "/dicom-web/studies".to_owned(),
        format!("/dicom-web/studies/{uid}/series"),
        format!("/dicom-web/studies/{uid}/instances"),
        format!("/dicom-web/studies/{uid}/metadata"),
    ] {
        let json = app.get_json(&path).await;
        let as_xml = parts(get(&app, &path, PARTS).await).await;
        assert_eq!(json!(as_xml), json, "{path}");
    }
}
