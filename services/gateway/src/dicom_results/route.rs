//! `/api/analyses/{analysis_id}/dicom`.

use std::io::{Cursor, Write};

use actix_web::http::header::{ContentEncoding, EntityTag};
use actix_web::web::{self, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse, get};
use norma_database::Analysis;
use norma_dicom_results::{DicomResult, Language};
use norma_domain::AnalysisId;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::analyses::check_completed;
use crate::dicom_results::make::DicomResults;
use crate::gateway::Gateway;
use crate::http::file_name::attachment;
use crate::http::freshness::Freshness;
use crate::problem::ApiError;
use crate::problem::answers::{BadRequest, Failures, NotFound, Running, StorageFull, Unprocessable};

const DICOM: &str = "application/dicom";
const ZIP: &str = "application/zip";

/// The language of the pictures.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PictureLanguage {
    #[default]
    En,
    Ru,
}

impl From<PictureLanguage> for Language {
    fn from(language: PictureLanguage) -> Self {
        match language {
            PictureLanguage::En => Self::English,
            PictureLanguage::Ru => Self::Russian,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DicomOptions {
    /// The language of the words in the pictures.
    #[serde(default)]
    #[param(value_type = Option<PictureLanguage>, inline, default = "en")]
    language: PictureLanguage,
}

/// Gives the answer to an analysis as DICOM objects, in a zip: `report.dcm`, a Comprehensive 3D SR (TID 1500);
/// `segmentation-lungs.dcm` and `segmentation-findings.dcm`, Segmentations of the lungs and of the findings, where there are
/// masks of them; `anomaly-map.dcm`, a Parametric Map of what is unusual; `key-objects.dcm`, a Key Object Selection; `verdict.dcm` and `key-slice-1.dcm` and so on, Secondary Capture
/// images.
///
/// The objects belong to the study that was uploaded. A repeat gives the same bytes with the same UIDs. 422
/// `no_dicom_results` where the upload was no DICOM or has UIDs that DICOM does not allow.
#[utoipa::path(
    tag = "analyses",
    operation_id = "getAnalysisDicom",
    params(("analysis_id" = AnalysisId, Path), DicomOptions),
    responses(
        (status = 200, description = "The objects", content_type = "application/zip", headers(("ETag" = String))),
        (status = 304, description = "Unchanged since the given ETag"),
        BadRequest, NotFound, Running, Unprocessable, StorageFull, Failures
    )
)]
#[get("/api/analyses/{analysis_id}/dicom")]
pub(crate) async fn get_analysis_dicom(
    results: Data<DicomResults>,
    request: HttpRequest,
    analysis_id: Path<AnalysisId>,
    options: Query<DicomOptions>,
) -> Result<HttpResponse, ApiError> {
    let language = Language::from(options.language);
    let analysis = completed(&results.gateway, *analysis_id).await?;
    let freshness = freshness(analysis.id, "zip", language);
    if freshness.is_known_to(&request) {
        return Ok(freshness.not_modified());
    }
    let objects = results.objects_of(&analysis, language).await?;
    let archive = web::block(move || archive_of(&objects))
        .await
        .map_err(ApiError::internal)?
        .map_err(ApiError::internal)?;
    Ok(answer(&freshness, ZIP, "norma-dicom.zip", archive))
}

/// Gives one of the DICOM objects of an analysis by its name in the zip without `.dcm`: `report`,
/// `segmentation-lungs`, `anomaly-map`, `key-objects`, `verdict`, `key-slice-1` and so on.
#[utoipa::path(
    tag = "analyses",
    operation_id = "getAnalysisDicomObject",
    params(
        ("analysis_id" = AnalysisId, Path),
        ("object" = String, Path, description = "`report`, `segmentation-lungs`, `segmentation-findings`, `anomaly-map`, `key-objects`, `verdict`, `key-slice-1` …"),
        DicomOptions
    ),
    responses(
        (status = 200, description = "A DICOM file (PS3.10)", content_type = "application/dicom",
            headers(("ETag" = String))),
        (status = 304, description = "Unchanged since the given ETag"),
        BadRequest, NotFound, Running, Unprocessable, StorageFull, Failures
    )
)]
#[get("/api/analyses/{analysis_id}/dicom/{object}")]
pub(crate) async fn get_analysis_dicom_object(
    results: Data<DicomResults>,
    request: HttpRequest,
    path: Path<(AnalysisId, String)>,
    options: Query<DicomOptions>,
) -> Result<HttpResponse, ApiError> {
    let (analysis_id, name) = path.into_inner();
    let language = Language::from(options.language);
    let analysis = completed(&results.gateway, analysis_id).await?;
    let objects = results.objects_of(&analysis, language).await?;
    let object = objects
        .iter()
        .find(|object| object.name == name)
        .ok_or(ApiError::DicomResultNotFound)?;
    let freshness = freshness(analysis.id, &object.name, language);
    if freshness.is_known_to(&request) {
        return Ok(freshness.not_modified());
    }
    Ok(answer(
        &freshness,
        DICOM,
        &format!("{}.dcm", object.name),
        object.bytes.clone(),
    ))
}

/// The analysis, which has a report.
async fn completed(gateway: &Gateway, analysis_id: AnalysisId) -> Result<Analysis, ApiError> {
    let analysis = gateway.analysis(analysis_id).await?;
    check_completed(gateway, &analysis).await?;
    Ok(analysis)
}

/// The same analysis gives the same objects by the same version of the program only.
fn freshness(analysis_id: AnalysisId, what: &str, language: Language) -> Freshness {
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    Freshness {
        etag: EntityTag::new_weak(format!("{analysis_id}-{what}-{}-{VERSION}", language.as_str())),
    }
}

fn archive_of(objects: &[DicomResult]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for object in objects {
        archive.start_file(format!("{}.dcm", object.name), options)?;
        archive.write_all(&object.bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

fn answer(freshness: &Freshness, media_type: &str, name: &str, bytes: Vec<u8>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    freshness.insert_into(&mut response);
    response
        .content_type(media_type)
        .insert_header(attachment(name))
        .insert_header(ContentEncoding::Identity)
        .body(bytes)
}
