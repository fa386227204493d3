//! `POST /dicom-web/studies`.

use std::sync::Arc;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, routes};
use norma_dicom_instances::InstanceIndex;
use norma_domain::StudyInstanceUid;
use norma_service::RoutingWay;

use crate::analyses::Asked;
use crate::dicomweb::document::service_url;
use crate::dicomweb::indexes::DicomWeb;
use crate::dicomweb::locate::PathUids;
use crate::dicomweb::store::again::take_again;
use crate::dicomweb::store::answer::AnswerForm;
use crate::dicomweb::store::contradictions::Contradictions;
use crate::dicomweb::store::outcome::Outcome;
use crate::gateway::Gateway;
use crate::identity::{Access, Notes};
use crate::predictions::{Predictions, Sender};
use crate::problem::ApiError;
use crate::study_in_hand::StudiesInHand;
use crate::uploads::instances::ReceivedInstances;
use crate::uploads::repetition::{Sent, look_up};
use crate::uploads::spool::{create_spool_file, storage_failure};

/// Stores instances, of one study or of any, and requests the analyses of their studies. What is answered as stored is: with
/// its rows and the announcement of its analysis.
#[routes]
#[post("/dicom-web/studies")]
#[post("/dicom-web/studies/{study}")]
pub(crate) async fn store_instances(
    predictions: Data<Predictions>,
    web: Data<DicomWeb>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let form = AnswerForm::choose(&request)?;
    let study = wanted_study(&request)?;
    let gateway = &predictions.gateway;
    if gateway.options.deidentify_uploads {
        return Err(ApiError::StoresDeidentified);
    }
    let question = predictions.bundle.question(None).await?;
    let asked = Asked::of(gateway, &access, question, None)?;
    let (received, place) = predictions.uploads.receive_instances(&request, payload).await?;
    let ReceivedInstances { upload, parts } = received;
    let (_, container) = create_spool_file(&gateway.options.spool_folder).map_err(storage_failure)?;
    let index = predictions
        .uploads
        .reader
        .index(&upload.sender, &upload.path, &container)
        .await?;
    drop(container);
    let web = web.into_inner();
    let studies = studies_in_hand(gateway, index.as_ref()).await?;
    let contradictions = match &index {
        Some(index) => Contradictions::of(&web, &access, &upload.path, &parts, &index.instances).await?,
        None => Contradictions::default(),
    };
    // Before anything of the request is stored: what nobody is told of did not happen.
    contradictions.tell(gateway).await?;
    let outcome = Outcome::of(&parts, index.as_ref(), study.as_ref(), &contradictions);
    let answer = form.answer(&service_url(&request, gateway), &outcome);
    if outcome.stored.is_empty() {
        return Ok(answer);
    }
    let again = contradictions.holder_of_all(&web, &upload.path, &outcome).await?;
    let upload = match outcome.left_over() {
        Some(kept) => upload.with_files_at(kept, &gateway.options.spool_folder).await?,
        None => upload,
    };
    let sent = look_up(gateway, &request, &access, &upload, "store").await?;
    let id = match (sent, again) {
        (Sent::Again(id), _) => {
            predictions.complete_requests(id, &asked).await?;
            id
        }
        (Sent::First(in_hand), Some(scan_id)) => {
            // Nothing is made that the key could stand for: the same request again is known as this one was.
            in_hand.forget(gateway).await;
            take_again(&predictions, scan_id, &outcome, &asked).await?;
            notes.scan(scan_id);
            notes.object(scan_id);
            return Ok(answer);
        }
        (Sent::First(in_hand), None) => {
            let came = outcome.stored.iter();
            let came =
                came.map(|instance| (instance.sop_instance_uid.clone(), instance.sop_class_uid.clone()));
            let sender = Sender {
                instances: came.collect(),
                owner: access.caller.owner(),
                request: in_hand.key(),
                came_by: RoutingWay::StowRs,
                in_hand: studies,
                // Instance by instance, before it came so far.
                compared_with: None,
            };
            let started = predictions.start_prediction((upload, place), asked, sender).await;
            if started.is_err() {
                in_hand.forget(gateway).await;
            }
            started?.id
        }
    };
    notes.object(id);
    Ok(answer)
}

/// None where nothing of the request can be named.
async fn studies_in_hand(
    gateway: &Gateway,
    index: Option<&InstanceIndex>,
) -> Result<Option<Arc<StudiesInHand>>, ApiError> {
    let instances = index.iter().flat_map(|index| &index.instances);
    let uids = instances.filter_map(|instance| StudyInstanceUid::new(&instance.study_instance_uid).ok());
    StudiesInHand::of_request(&gateway.database, uids).await
}

fn wanted_study(request: &HttpRequest) -> Result<Option<StudyInstanceUid>, ApiError> {
    if request.match_info().get("study").is_none() {
        return Ok(None);
    }
    PathUids::of(request).map(|uids| Some(uids.study))
}
