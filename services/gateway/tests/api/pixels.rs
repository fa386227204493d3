use norma_domain::{AnalysisId, ScanId};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use crate::app::{App, problem, spawn_app, without_chance};
use crate::worker::{SHAPE, Says, hounsfield, slice_bytes};

async fn encoded(app: &App, path: &str, encoding: &str) -> Response {
    app.request(Method::GET, path)
        .header("accept-encoding", encoding)
        .send()
        .await
        .unwrap()
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut plain).unwrap();
    plain
}

#[tokio::test]
async fn a_volume_is_described() {
    let app = spawn_app().await;
    let (scan_id, _) = app.answered(Says::Pathology(0.9)).await;
    let volume = app.get_json(&format!("/api/scans/{scan_id}/volume")).await;
    insta::assert_json_snapshot!(without_chance(volume));
}

#[tokio::test]
async fn a_study_that_failed_shows_what_was_received() {
    let app = spawn_app().await;
    let scan_id = app.upload(b"no chest, but nobody reads it here").await;
    let analysis_id = app.analyze(scan_id).await;
    app.refuse(analysis_id).await;
    let analysis = app.get_json(&format!("/api/analyses/{analysis_id}")).await;
    assert_eq!(analysis["status"], "failed");
    assert_eq!(analysis["stages"][0]["state"], "failed", "it was not prepared");

    let base = format!("/api/scans/{scan_id}");
    for query in [String::new(), format!("?analysis_id={analysis_id}")] {
        let volume = app.get_json(&format!("{base}/volume{query}")).await;
        assert_eq!(volume["analysis_id"], analysis_id.to_string());
        assert_eq!(volume["study"]["geometry"]["shape"][0], SHAPE[0]);
        assert_eq!(volume["slices"][0]["instance_number"], SHAPE[0]);
        assert_eq!(volume["quality"][0]["code"], "coverage_incomplete");
        assert_eq!(volume["heatmaps"], Value::Array(Vec::new()));
        let slice = app.get(&format!("{base}/slices/1{query}")).await;
        assert_eq!(slice.bytes().await.unwrap(), slice_bytes(1));
        let picture = app.get(&format!("{base}/slices/1.png{query}")).await;
        assert_eq!(picture.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_slice_is_int16_compressed_where_that_is_accepted() {
    let app = spawn_app().await;
    let (scan_id, analysis_id) = app.answered(Says::Pathology(0.9)).await;
    let path = format!("/api/scans/{scan_id}/slices/1");
    let plain = encoded(&app, &path, "identity").await;
    assert_eq!(plain.status(), StatusCode::OK);
    assert!(plain.headers().get("content-encoding").is_none());
    assert_eq!(plain.headers()["x-rows"], "16");
    assert_eq!(plain.headers()["x-columns"], "24");
    assert_eq!(plain.headers()["cache-control"], "private, no-store");
    assert_eq!(plain.bytes().await.unwrap(), slice_bytes(1));

    // As it is stored, and packed anew for clients that do not take that coding.
    let stored = encoded(&app, &path, "gzip, zstd").await;
    assert_eq!(stored.headers()["content-encoding"], "zstd");
    let stored = zstd::decode_all(&stored.bytes().await.unwrap()[..]).unwrap();
    assert_eq!(stored, slice_bytes(1));
    let packed = encoded(
        &app,
        &format!("{path}?analysis_id={analysis_id}"),
        "gzip, zstd;q=0",
    )
    .await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert_eq!(packed.headers()["vary"], "accept-encoding");
    // A browser's copy would outlive sign-out and deletion.
    assert_eq!(packed.headers()["cache-control"], "private, no-store");
    let etag = packed.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(gunzip(&packed.bytes().await.unwrap()), slice_bytes(1));

    let known = app
        .request(Method::GET, &path)
        .header("if-none-match", &etag)
        .send()
        .await
        .unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let other = app
        .request(Method::GET, &path)
        .header("if-none-match", "W/\"x\"")
        .send()
        .await
        .unwrap();
    assert_eq!(other.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_slice_is_a_picture_through_a_window() {
    let app = spawn_app().await;
    let (scan_id, _) = app.answered(Says::Pathology(0.9)).await;
    for (window, center, width) in [
        ("", -600.0, 1500.0),
        ("?window=lung", -600.0, 1500.0),
        ("?window=mediastinum", 40.0, 400.0),
        ("?window=-500,200", -500.0, 200.0),
    ] {
        let response = app
            .get(&format!("/api/scans/{scan_id}/slices/2.png{window}"))
            .await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "image/png");
        let picture = image::load_from_memory(&response.bytes().await.unwrap()).unwrap();
        let picture = picture.into_luma8();
        assert_eq!(picture.dimensions(), (SHAPE[2] as u32, SHAPE[1] as u32));
        let level = norma_domain::WindowLevel::new(center, width).unwrap();
        assert_eq!(
            picture.get_pixel(5, 7).0[0],
            level.grey(f64::from(hounsfield(2, 7, 5))),
            "{window}"
        );
    }
    for window in ["brain", "1,0", "a,b", "1"] {
        let response = app
            .get(&format!("/api/scans/{scan_id}/slices/2.png?window={window}"))
            .await;
        problem(response, StatusCode::BAD_REQUEST, "invalid_parameter").await;
    }
}

#[tokio::test]
async fn a_map_lies_over_its_slice() {
    let app = spawn_app().await;
    let (scan_id, analysis_id) = app.answered(Says::Pathology(0.9)).await;
    let path = format!("/api/scans/{scan_id}/heatmaps/anomaly/2");
    let raw = encoded(&app, &format!("{path}?analysis_id={analysis_id}"), "identity").await;
    assert_eq!(raw.status(), StatusCode::OK);
    let raw = raw.bytes().await.unwrap();
    assert_eq!(raw.len(), SHAPE[1] * SHAPE[2]);
    // The crop covers the left 16 of 24 columns.
    assert_eq!((raw[8 * SHAPE[2] + 8], raw[8 * SHAPE[2] + 22]), (200, 0));
    let picture = app.get(&format!("{path}.png")).await;
    assert_eq!(picture.headers()["content-type"], "image/png");
    let picture = image::load_from_memory(&picture.bytes().await.unwrap())
        .unwrap()
        .into_rgba8();
    assert_eq!(picture.get_pixel(8, 8).0[3], 255);
    assert_eq!(picture.get_pixel(22, 8).0[3], 0);
}

#[tokio::test]
async fn pixels_that_are_not_there_are_told_apart() {
    let app = spawn_app().await;
    let (scan_id, analysis_id) = app.answered(Says::Pathology(0.9)).await;
    let (other, _) = app.answered(Says::Norm(0.1)).await;
    let waiting = app.upload(b"x").await;
    app.analyze(waiting).await;
    let base = format!("/api/scans/{scan_id}");
    let nobody = ScanId::generate();
    for (path, status, code) in [
        (
            format!("{base}/slices/3"),
            StatusCode::NOT_FOUND,
            "slice_not_found",
        ),
        (
            format!("{base}/slices/3.png"),
            StatusCode::NOT_FOUND,
            "slice_not_found",
        ),
        (
            format!("{base}/heatmaps/anomaly/3"),
            StatusCode::NOT_FOUND,
            "slice_not_found",
        ),
        (
            format!("{base}/heatmaps/typing/0"),
            StatusCode::NOT_FOUND,
            "heatmap_not_found",
        ),
        (
            format!("{base}/heatmaps/brain/0"),
            StatusCode::BAD_REQUEST,
            "invalid_parameter",
        ),
        (
            format!("{base}/slices/-1"),
            StatusCode::BAD_REQUEST,
            "invalid_parameter",
        ),
        (
            format!("{base}/slices/first.png"),
            StatusCode::BAD_REQUEST,
            "invalid_parameter",
        ),
        (
            format!("/api/scans/{other}/slices/0?analysis_id={analysis_id}"),
            StatusCode::NOT_FOUND,
            "analysis_not_found",
        ),
        (
            format!("{base}/slices/0?analysis_id={}", AnalysisId::generate()),
            StatusCode::NOT_FOUND,
            "analysis_not_found",
        ),
        (
            format!("/api/scans/{waiting}/volume"),
            StatusCode::NOT_FOUND,
            "volume_not_prepared",
        ),
        (
            format!("/api/scans/{nobody}/volume"),
            StatusCode::NOT_FOUND,
            "scan_not_found",
        ),
        (
            format!("/api/scans/{nobody}/slices/0"),
            StatusCode::NOT_FOUND,
            "scan_not_found",
        ),
    ] {
        problem(app.get(&path).await, status, code).await;
    }
    let body: Value = app.get(&format!("{base}/slices/3")).await.json().await.unwrap();
    assert_eq!(body["detail"], "the volume has 3 slices, numbered from 0");
}
