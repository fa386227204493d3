use std::io::{Cursor, Read as _};

use norma_domain::{AnalysisId, PreparedSummary, ScanId, Segment, SegmentOf, Segmentation, VoxelMask};
use norma_imaging::{Limits, list_studies, load_chest_series};
use norma_object_storage::ObjectKey;
use norma_phantom::{PhantomOptions, phantom_zip};
use norma_pipeline::encode_segmentation;
use reqwest::StatusCode;

use crate::app::{App, problem, spawn_app};
use crate::worker::Says;

/// A phantom that was uploaded, prepared and answered.
pub(crate) async fn answered_phantom(app: &App, says: Says) -> (ScanId, AnalysisId) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("phantom.zip");
    phantom_zip(&PhantomOptions::small(), &file).unwrap();
    let scan_id = app.upload(&std::fs::read(&file).unwrap()).await;
    let analysis_id = app.analyze(scan_id).await;
    let studies = list_studies(&file, &Limits::default()).unwrap();
    let series = load_chest_series(&studies[0], &Limits::default()).unwrap();
    let summary = PreparedSummary {
        study: series.study,
        slices: series.slices,
        selected_slices: vec![0, 2],
        lung_extent: Some([0, 2]),
        lung_volume_ml: 4200.0,
        quality: Vec::new(),
        quantification: None,
        duration_ms: 1,
    };
    app.prepare_with(scan_id, analysis_id, &series.volume, summary)
        .await;
    app.finish(scan_id, analysis_id, says).await;
    (scan_id, analysis_id)
}

#[tokio::test]
async fn an_answer_is_had_as_dicom_objects() {
    let app = spawn_app().await;
    let (_, analysis_id) = answered_phantom(&app, Says::Pathology(0.9)).await;
    let base = format!("/api/analyses/{analysis_id}/dicom");
    let archive = app.get(&base).await;
    assert_eq!(archive.status(), StatusCode::OK);
    assert_eq!(archive.headers()["content-type"], "application/zip");
    assert_eq!(archive.headers()["cache-control"], "private, no-store");
    let etag = archive.headers()["etag"].to_str().unwrap().to_owned();
    let mut archive = zip::ZipArchive::new(Cursor::new(archive.bytes().await.unwrap())).unwrap();
    let names: Vec<String> = archive
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    assert_eq!(
        names,
        [
            "report.dcm",
            "anomaly-map.dcm",
            "key-objects.dcm",
            "verdict.dcm",
            "key-slice-1.dcm"
        ]
    );

    for name in names {
        let mut packed = Vec::new();
        archive.by_name(&name).unwrap().read_to_end(&mut packed).unwrap();
        let object = app
            .get(&format!("{base}/{}", name.trim_end_matches(".dcm")))
            .await;
        assert_eq!(object.status(), StatusCode::OK);
        assert_eq!(object.headers()["content-type"], "application/dicom");
        let bytes = object.bytes().await.unwrap();
        assert_eq!(bytes, packed);
        assert_eq!(&bytes[128..132], b"DICM");
    }
    let known = app
        .request(reqwest::Method::GET, &base)
        .header("if-none-match", &etag)
        .send()
        .await
        .unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);

    let english = app.get(&format!("{base}/verdict")).await.bytes().await.unwrap();
    let russian = app.get(&format!("{base}/verdict?language=ru")).await;
    assert_eq!(russian.status(), StatusCode::OK);
    assert_ne!(russian.bytes().await.unwrap(), english);

    problem(
        app.get(&format!("{base}/key-slice-9")).await,
        StatusCode::NOT_FOUND,
        "dicom_result_not_found",
    )
    .await;
    problem(
        app.get(&format!("{base}?language=xx")).await,
        StatusCode::BAD_REQUEST,
        "invalid_parameter",
    )
    .await;
    // Nothing of the fetched study is left behind.
    assert_eq!(std::fs::read_dir(app.spool()).unwrap().count(), 0);
}

/// A block of the phantom's volume as its left lung.
pub(crate) async fn put_masks(app: &App, analysis_id: AnalysisId) {
    let mut mask = VoxelMask::empty([60, 208, 208]).unwrap();
    for slice in 20..24 {
        for row in 50..90 {
            mask.push_row([slice, row], 100, [true; 40]);
        }
    }
    let segmentation = Segmentation {
        segments: vec![Segment {
            of: SegmentOf::LeftLung,
            mask,
        }],
    };
    let bytes = encode_segmentation(&segmentation).unwrap();
    let key = ObjectKey::SegmentMasks(analysis_id);
    app.objects.put(key, bytes.into()).await.unwrap();
}

#[tokio::test]
async fn what_was_segmented_is_had_as_a_segmentation() {
    let app = spawn_app().await;
    let (_, analysis_id) = answered_phantom(&app, Says::Pathology(0.9)).await;
    put_masks(&app, analysis_id).await;
    let path = format!("/api/analyses/{analysis_id}/dicom/segmentation-lungs");
    let object = app.get(&path).await;
    assert_eq!(object.status(), StatusCode::OK);
    let bytes = object.bytes().await.unwrap();
    // Four frames of one bit a pixel.
    let pixels = &bytes[bytes.len() - 4 * 208 * 208 / 8..];
    let set: u32 = pixels.iter().map(|byte| byte.count_ones()).sum();
    assert_eq!(set, 4 * 40 * 40);
    // No finding was measured.
    let findings = app
        .get(&format!(
            "/api/analyses/{analysis_id}/dicom/segmentation-findings"
        ))
        .await;
    problem(findings, StatusCode::NOT_FOUND, "dicom_result_not_found").await;
}

#[tokio::test]
async fn what_has_no_answer_has_no_objects() {
    let app = spawn_app().await;
    let unknown = AnalysisId::generate();
    problem(
        app.get(&format!("/api/analyses/{unknown}/dicom")).await,
        StatusCode::NOT_FOUND,
        "analysis_not_found",
    )
    .await;

    let scan_id = app.upload(b"not a study, but nobody reads it here").await;
    let analysis_id = app.analyze(scan_id).await;
    let running = app
        .get(&format!("/api/analyses/{analysis_id}/dicom/report"))
        .await;
    problem(running, StatusCode::CONFLICT, "analysis_running").await;
    app.fail(analysis_id).await;
    let failed = app.get(&format!("/api/analyses/{analysis_id}/dicom")).await;
    let failed = problem(failed, StatusCode::UNPROCESSABLE_ENTITY, "analysis_failed").await;
    assert_eq!(failed["reason"]["code"], "no_lungs");
}

#[tokio::test]
async fn an_upload_that_is_no_dicom_has_no_objects() {
    let app = spawn_app().await;
    let (_, analysis_id) = app.answered(Says::Norm(0.1)).await;
    for path in ["dicom", "dicom/report"] {
        let answer = app.get(&format!("/api/analyses/{analysis_id}/{path}")).await;
        problem(answer, StatusCode::UNPROCESSABLE_ENTITY, "no_dicom_results").await;
    }
}
