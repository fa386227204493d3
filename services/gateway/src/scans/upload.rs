//! `POST /api/scans`: one study, stored.

use actix_web::http::header;
use actix_web::web::{Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse, post};
use norma_database::{RequestKey, Scan as ScanRow};
use norma_domain::{PatientId, Role, Roles, ScanId};
use norma_service::RoutingWay;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::gateway::Gateway;
use crate::http::text::checked_description;
use crate::identity::{Access, Notes};
use crate::patient_match::{WantedPatient, wanted_patient};
use crate::problem::ApiError;
use crate::problem::answers::{
    BadRequest, Conflict, Failures, Gone, NotFound, StorageFull, Unprocessable, UnsupportedMediaType,
};
use crate::routing::Router;
use crate::scans::answer::scan_document;
use crate::scans::duplicates::{Earlier, OnDuplicate, earlier_scan, other_content_detail};
use crate::scans::schema::{Scan, ScanUpload};
use crate::scans::storage::{NewUpload, store_scan};
use crate::study_in_hand::StudiesInHand;
use crate::uploads::Uploads;
use crate::uploads::comparison::SentFile;
use crate::uploads::deidentified::Deidentified;
use crate::uploads::receive::{DEIDENTIFY_FIELD, PIXELS_CHECKED_FIELD, Upload};
use crate::uploads::repetition::{Sent, look_up};

const TEXT_FIELDS: &[&str] = &[
    "patient_id",
    "patient_from_dicom",
    "confirm_patient_mismatch",
    "description",
    DEIDENTIFY_FIELD,
    PIXELS_CHECKED_FIELD,
];

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadOptions {
    /// What becomes of a study that is here already.
    #[serde(default)]
    #[param(inline)]
    duplicate: OnDuplicate,
}

/// Uploads one study. What is answered with 201 is stored.
///
/// A study whose bytes or whose Study Instance UID are here already is stored again, and `duplicate_of` tells of the
/// earlier one; with `duplicate=refuse` it is refused (409 `duplicate_scan`), with `duplicate=reuse` the earlier scan of
/// the same patient is answered with 200, where it holds all that was uploaded. `other_content` counts images that have
/// other content than those of the same SOP Instance UIDs in the earlier scan: what was stored stays as it is.
///
/// Several studies in one upload are refused with `several_studies`, which names them. An integrator names no
/// patient. Where the files name another patient than `patient_id` the answer is 409 `patient_mismatch`, until
/// `confirm_patient_mismatch` says that a person saw it; `patient_from_dicom` takes or registers the one they name.
/// Where it takes too long to read whom they name, the answer is 409 `patient_unread` in the same way.
#[utoipa::path(
    tag = "scans",
    operation_id = "uploadScan",
    params(
        UploadOptions,
        ("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same key within a day, the same upload gets the scan of the first; another upload is refused"),
    ),
    request_body(content = ScanUpload, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "The new scan", body = Scan,
            headers(("Location" = String, description = "Where the scan is"))),
        (status = 200, description = "The earlier scan of the same study, where that was asked for", body = Scan),
        BadRequest, NotFound, Conflict, Gone, UnsupportedMediaType, Unprocessable, StorageFull, Failures
    )
)]
#[post("/api/scans")]
pub(crate) async fn upload_scan(
    gateway: Data<Gateway>,
    (uploads, router): (Data<Uploads>, Data<Router>),
    request: HttpRequest,
    visit: (Access, Notes),
    options: Query<UploadOptions>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let (access, notes) = visit;
    let (upload, _place) = uploads.receive(&request, payload, TEXT_FIELDS).await?;
    let deidentified = upload.deidentified.clone();
    let told = |earlier: Option<Earlier>| Told {
        duplicate_of: earlier.as_ref().map(|earlier| earlier.scan.id),
        other_content: earlier.and_then(|earlier| earlier.other_content()),
        deidentified,
    };
    let wish = Wish::of(&upload, &access, options.duplicate)?;
    gateway.check_patient_exists(wish.patient).await?;
    let in_hand = match look_up(&gateway, &request, &access, &upload, "upload").await? {
        Sent::First(in_hand) => in_hand,
        Sent::Again(id) => {
            let scan = gateway.scan(ScanId::from_uuid(id)).await?;
            let owner = access.visible_owner();
            let earlier = earlier_scan(&gateway, owner, Some(&scan.sha256), scan.study_uid.clone()).await?;
            let earlier = match earlier.filter(|earlier| earlier.id != scan.id) {
                Some(earlier) => {
                    Some(Earlier::compared(&gateway, &uploads, SentFile::of(&upload), earlier).await)
                }
                None => None,
            };
            return created(&gateway, &notes, scan, told(earlier)).await;
        }
    };
    let stored = store(
        (&gateway, &uploads, &router),
        (&access, &notes),
        upload,
        wish,
        in_hand.key(),
    )
    .await;
    if !matches!(stored, Ok(Stored::New { .. })) {
        in_hand.forget(&gateway).await;
    }
    match stored? {
        Stored::New { scan, earlier } => {
            created(&gateway, &notes, *scan, told(earlier.map(|earlier| *earlier))).await
        }
        Stored::Earlier(scan) => {
            let duplicate_of = Some(scan.id);
            let scan = noted(&gateway, &notes, *scan).await?;
            // What is there was not changed by this upload.
            Ok(HttpResponse::Ok().json(Scan { duplicate_of, ..scan }))
        }
    }
}

/// What is asked for besides the file.
struct Wish {
    patient: WantedPatient,
    is_mismatch_confirmed: bool,
    description: String,
    on_duplicate: OnDuplicate,
}

impl Wish {
    fn of(upload: &Upload, access: &Access, on_duplicate: OnDuplicate) -> Result<Self, ApiError> {
        let patient_id: Option<PatientId> = upload.parsed("patient_id", "the identifier of a patient")?;
        let flag = |field| {
            upload
                .parsed::<bool>(field, "true or false")
                .map(Option::unwrap_or_default)
        };
        let patient = wanted_patient(patient_id, flag("patient_from_dicom")?)?;
        if patient != WantedPatient::Nobody && access.is_limited_to_own {
            // Patients are the clinicians': a machine that only uploads adds to nobody's record.
            return Err(ApiError::Forbidden {
                allowed: Roles::of(&[Role::Clinician]),
            });
        }
        Ok(Self {
            patient,
            is_mismatch_confirmed: flag("confirm_patient_mismatch")?,
            description: checked_description(upload.text("description").map(ToOwned::to_owned))?,
            on_duplicate,
        })
    }
}

/// What the answer to an upload tells besides the scan.
struct Told {
    duplicate_of: Option<ScanId>,
    other_content: Option<usize>,
    deidentified: Option<Deidentified>,
}

/// What became of an upload.
enum Stored {
    New {
        scan: Box<ScanRow>,
        earlier: Option<Box<Earlier>>,
    },
    /// The scan that was here already.
    Earlier(Box<ScanRow>),
}

/// Stores an upload of one study, unless it is here already and that is not wanted.
async fn store(
    (gateway, uploads, router): (&Gateway, &Uploads, &Router),
    (access, notes): (&Access, &Notes),
    upload: Upload,
    wish: Wish,
    key: Option<RequestKey>,
) -> Result<Stored, ApiError> {
    let study = uploads.reader.only_study(&upload).await?;
    let in_hand = StudiesInHand::of_request(&gateway.database, study.uid.iter().cloned()).await?;
    let (owner, sha256) = (access.visible_owner(), Some(upload.received_sha256.as_str()));
    let earlier = earlier_scan(gateway, owner, sha256, study.uid.clone()).await?;
    if let (Some(earlier), OnDuplicate::Refuse) = (&earlier, wish.on_duplicate) {
        return Err(ApiError::DuplicateScan {
            duplicate_of: earlier.id,
        });
    }
    let (patient_id, identity) = gateway
        .patient_of_study(notes, wish.patient, study.identity, wish.is_mismatch_confirmed)
        .await?;
    let earlier = match earlier {
        Some(earlier) => Some(Earlier::compared(gateway, uploads, SentFile::of(&upload), earlier).await),
        None => None,
    };
    let earlier = match earlier {
        Some(earlier)
            if wish.on_duplicate == OnDuplicate::Reuse
                && earlier.scan.patient_id == patient_id
                && earlier.holds_all() =>
        {
            return Ok(Stored::Earlier(Box::new(earlier.scan)));
        }
        other => other,
    };
    let facts = router.facts_of(RoutingWay::Upload, access.caller.owner(), &upload.path);
    let facts = facts.await?;
    let new = NewUpload {
        id: ScanId::generate(),
        file: upload.path,
        file_name: upload.file_name,
        patient_id,
        description: wish.description,
        owner: access.caller.owner(),
        identity,
        study_uid: study.uid,
        request: key,
        in_hand,
    };
    let scan = Box::new(store_scan(gateway, new).await?);
    if let Some(facts) = facts {
        // Its analysis is asked for by the next request.
        router.note(scan.id, &facts).await?;
    }
    let earlier = earlier.map(Box::new);
    Ok(Stored::New { scan, earlier })
}

async fn created(
    gateway: &Gateway,
    notes: &Notes,
    scan: ScanRow,
    told: Told,
) -> Result<HttpResponse, ApiError> {
    let location = format!("/api/scans/{}", scan.id);
    let scan = noted(gateway, notes, scan).await?;
    if let Some(count) = told.other_content {
        notes.add_detail(other_content_detail(count));
    }
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .json(Scan {
            duplicate_of: told.duplicate_of,
            other_content: told.other_content,
            deidentified: told.deidentified,
            ..scan
        }))
}

async fn noted(gateway: &Gateway, notes: &Notes, scan: ScanRow) -> Result<Scan, ApiError> {
    notes.object(scan.id);
    notes.scan(scan.id);
    notes.patient(scan.patient_id);
    scan_document(gateway, scan).await
}
