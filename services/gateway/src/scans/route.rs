//! `/api/scans`: uploaded studies.

use actix_web::body::SizedStream;
use actix_web::http::header::{self, ContentEncoding, EntityTag};
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use futures::StreamExt;
use norma_database::ScanQuery;
use norma_domain::{PatientId, Role, Roles, ScanId};
use norma_object_storage::ObjectKey;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::gateway::Gateway;
use crate::http::byte_range::{ByteRange, parse_range};
use crate::http::file_name::attachment;
use crate::http::freshness::{Freshness, header_text};
use crate::http::paging::{Page, Paging};
use crate::http::search::checked_text;
use crate::http::text::checked_description;
use crate::identity::{Access, Notes};
use crate::patient_match::{WantedPatient, wanted_patient};
use crate::problem::ApiError;
use crate::problem::answers::{
    BadRequest, Conflict, Failures, Gone, NotFound, RangeNotSatisfiable, StorageFull, Unprocessable,
    UnsupportedMediaType,
};
use crate::scans::deletion::forget_objects;
use crate::scans::preamble::{holds_a_preamble, without_preamble};
use crate::scans::schema::{Scan, ScanChange, ScanUpload};
use crate::scans::storage::{NewUpload, store_scan};
use crate::uploads::Uploads;
use crate::uploads::receive::{DEIDENTIFY_FIELD, PIXELS_CHECKED_FIELD};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScanFilter {
    /// Only this patient's scans.
    patient_id: Option<PatientId>,
    /// Only scans whose files have this Patient ID (0010,0020).
    #[param(max_length = 200)]
    dicom_patient_id: Option<String>,
    /// Only scans whose files have this Accession Number (0008,0050).
    #[param(max_length = 200)]
    accession_number: Option<String>,
}

/// Lists scans, newest first.
#[utoipa::path(
    tag = "scans",
    operation_id = "listScans",
    params(ScanFilter, Paging),
    responses((status = 200, description = "A part of the list", body = Page<Scan>), BadRequest, Failures)
)]
#[get("/api/scans")]
pub(crate) async fn list_scans(
    gateway: Data<Gateway>,
    access: Access,
    filter: Query<ScanFilter>,
    paging: Query<Paging>,
) -> Result<Json<Page<Scan>>, ApiError> {
    let filter = filter.into_inner();
    let query = ScanQuery {
        patient_id: filter.patient_id,
        owner: access.visible_owner(),
        dicom_patient_id: checked_text("dicom_patient_id", filter.dicom_patient_id)?,
        accession_number: checked_text("accession_number", filter.accession_number)?,
    };
    let listing = gateway.database.list_scans(query, paging.part()).await?;
    let ids = listing.items.iter().map(|scan| scan.id).collect();
    let mut identities = gateway.database.scan_identities(ids).await?;
    let scans = listing.items.into_iter().map(|scan| {
        let identity = identities.remove(&scan.id);
        Scan::new(scan, identity)
    });
    Ok(Json(paging.page(scans.collect(), listing.total)))
}

/// Uploads one study. What is answered with 201 is stored.
///
/// Several studies in one upload are refused with `several_studies`, which names them. An integrator names no
/// patient. Where the files name another patient than `patient_id` the answer is 409 `patient_mismatch`, until
/// `confirm_patient_mismatch` says that a person saw it; `patient_from_dicom` takes or registers the one they name.
#[utoipa::path(
    tag = "scans",
    operation_id = "uploadScan",
    request_body(content = ScanUpload, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "The new scan", body = Scan,
            headers(("Location" = String, description = "Where the scan is"))),
        BadRequest, Conflict, Gone, UnsupportedMediaType, Unprocessable, StorageFull, Failures
    )
)]
#[post("/api/scans")]
pub(crate) async fn upload_scan(
    gateway: Data<Gateway>,
    uploads: Data<Uploads>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
    payload: actix_web::web::Payload,
) -> Result<HttpResponse, ApiError> {
    const TEXT_FIELDS: &[&str] = &[
        "patient_id",
        "patient_from_dicom",
        "confirm_patient_mismatch",
        "description",
        DEIDENTIFY_FIELD,
        PIXELS_CHECKED_FIELD,
    ];
    let (upload, _place) = uploads.receive(&request, payload, TEXT_FIELDS).await?;
    let patient_id: Option<PatientId> = upload.parsed("patient_id", "the identifier of a patient")?;
    let flag = |field| {
        upload
            .parsed::<bool>(field, "true or false")
            .map(Option::unwrap_or_default)
    };
    let wanted = wanted_patient(patient_id, flag("patient_from_dicom")?)?;
    let is_confirmed = flag("confirm_patient_mismatch")?;
    if wanted != WantedPatient::Nobody && access.is_limited_to_own {
        // Patients are the clinicians': a machine that only uploads adds to nobody's record.
        return Err(ApiError::Forbidden {
            allowed: Roles::of(&[Role::Clinician]),
        });
    }
    let description = checked_description(upload.text("description").map(ToOwned::to_owned))?;
    gateway.check_patient_exists(wanted).await?;
    let study = uploads.reader.only_study(&upload.path).await?;
    let (patient_id, identity) = gateway
        .patient_of_study(&notes, wanted, study, is_confirmed)
        .await?;
    let scan = store_scan(
        &gateway,
        NewUpload {
            file: upload.path,
            file_name: upload.file_name,
            patient_id,
            description,
            owner: access.caller.owner(),
            identity: identity.clone(),
        },
    )
    .await?;
    notes.object(scan.id);
    notes.scan(scan.id);
    notes.patient(scan.patient_id);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/scans/{}", scan.id)))
        .json(Scan::new(scan, Some(identity))))
}

/// A scan with what its files say.
async fn scan_document(gateway: &Gateway, scan: norma_database::Scan) -> Result<Scan, ApiError> {
    let mut identities = gateway.database.scan_identities(vec![scan.id]).await?;
    let identity = identities.remove(&scan.id);
    Ok(Scan::new(scan, identity))
}

/// Gives a scan.
#[utoipa::path(
    tag = "scans",
    operation_id = "getScan",
    params(("scan_id" = ScanId, Path)),
    responses((status = 200, description = "The scan", body = Scan), BadRequest, NotFound, Failures)
)]
#[get("/api/scans/{scan_id}")]
pub(crate) async fn get_scan(gateway: Data<Gateway>, scan_id: Path<ScanId>) -> Result<Json<Scan>, ApiError> {
    let scan = gateway.scan(*scan_id).await?;
    Ok(Json(scan_document(&gateway, scan).await?))
}

/// Changes a scan's description: what is absent or null stays as it is.
#[utoipa::path(
    tag = "scans",
    operation_id = "updateScan",
    params(("scan_id" = ScanId, Path)),
    request_body = ScanChange,
    responses(
        (status = 200, description = "The scan as it is now", body = Scan),
        BadRequest, NotFound, UnsupportedMediaType, Failures
    )
)]
#[put("/api/scans/{scan_id}")]
pub(crate) async fn update_scan(
    gateway: Data<Gateway>,
    scan_id: Path<ScanId>,
    change: Json<ScanChange>,
) -> Result<Json<Scan>, ApiError> {
    let change = change.into_inner();
    let mut scan = gateway.scan(*scan_id).await?;
    if change.patient_id.is_some() && change.patient_id != scan.patient_id {
        return Err(ApiError::InvalidField {
            field: "patient_id",
            detail: "PUT /api/scans/{scan_id}/patient puts a scan into another record".to_owned(),
        });
    }
    if change.description.is_some() {
        let description = checked_description(change.description)?;
        let changed = gateway
            .database
            .update_scan_description(*scan_id, description)
            .await?;
        scan = changed.ok_or(ApiError::ScanNotFound)?;
    }
    Ok(Json(scan_document(&gateway, scan).await?))
}

/// Deletes a scan with its analyses, reports and stored files, also while an analysis runs.
#[utoipa::path(
    tag = "scans",
    operation_id = "deleteScan",
    params(("scan_id" = ScanId, Path)),
    responses((status = 204, description = "Deleted"), BadRequest, NotFound, Failures)
)]
#[delete("/api/scans/{scan_id}")]
pub(crate) async fn delete_scan(
    gateway: Data<Gateway>,
    scan_id: Path<ScanId>,
) -> Result<HttpResponse, ApiError> {
    let deleted = gateway.database.delete_scan(*scan_id).await?;
    forget_objects(&gateway, vec![deleted.ok_or(ApiError::ScanNotFound)?]).await;
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DownloadOptions {
    /// The bytes exactly as they came, the preamble included.
    #[serde(default)]
    #[param(default = false)]
    original: bool,
}

/// Gives the uploaded bytes back, as an attachment; takes range requests.
///
/// The first 128 bytes of a single DICOM file mean nothing to DICOM and may hide a program: they come as zeros unless
/// `original` is true. The `ETag` is the SHA-256 of the upload where the bytes are those of the upload. An archive is
/// given as it came.
#[utoipa::path(
    tag = "scans",
    operation_id = "downloadScanFile",
    params(
        ("scan_id" = ScanId, Path),
        DownloadOptions,
        ("Range" = Option<String>, Header, description = "One range of bytes, e.g. `bytes=0-1023`"),
    ),
    responses(
        (status = 200, description = "The whole file", content_type = "application/octet-stream"),
        (status = 206, description = "A part of it", content_type = "application/octet-stream",
            headers(("Content-Range" = String))),
        (status = 304, description = "Unchanged since the given ETag"),
        BadRequest, NotFound, RangeNotSatisfiable, Failures
    )
)]
#[get("/api/scans/{scan_id}/file")]
pub(crate) async fn download_scan_file(
    gateway: Data<Gateway>,
    request: HttpRequest,
    scan_id: Path<ScanId>,
    options: Query<DownloadOptions>,
) -> Result<HttpResponse, ApiError> {
    let scan = gateway.scan(*scan_id).await?;
    let is_changed =
        !options.original && holds_a_preamble(&gateway.objects, scan.id, scan.size_bytes).await?;
    let etag = if is_changed {
        format!("{}-without-preamble", scan.sha256)
    } else {
        scan.sha256.clone()
    };
    let freshness = Freshness {
        etag: EntityTag::new_strong(etag),
        // Nobody downloads an archive twice, and a browser's copy outlives its deletion here.
        is_for_ever: false,
    };
    if freshness.is_known_to(&request) {
        return Ok(freshness.not_modified());
    }
    let range = parse_range(
        header_text(&request, &header::RANGE),
        freshness.allows_range(&request),
        scan.size_bytes,
    )?;
    let (mut response, bytes) = match range {
        ByteRange::Whole => (HttpResponse::Ok(), 0..scan.size_bytes),
        ByteRange::Part(part) => {
            let mut response = HttpResponse::PartialContent();
            let content_range = format!("bytes {}-{}/{}", part.start, part.end - 1, scan.size_bytes);
            response.insert_header((header::CONTENT_RANGE, content_range));
            (response, part)
        }
    };
    let (start, length) = (bytes.start, bytes.end - bytes.start);
    let body = gateway
        .objects
        .get_stream(ObjectKey::Original(scan.id), Some(bytes))
        .await?
        .bytes;
    let body = if is_changed {
        without_preamble(body, start).boxed_local()
    } else {
        body.boxed_local()
    };
    freshness.insert_into(&mut response);
    Ok(response
        .content_type("application/octet-stream")
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header(attachment(&scan.file_name))
        // Compressed bytes would not be those of the range.
        .insert_header(ContentEncoding::Identity)
        .body(SizedStream::new(length, body)))
}
