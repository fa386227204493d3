//! The answer to a store request (PS3.18 section 10.5.3, annex I.2), as JSON or as XML (PS3.19 annex A).

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use norma_dicom_instances::{Attributes, IndexedInstance, write_native_model};
use serde_json::{Map, Value, json};

use crate::dicomweb::accept::{DICOM_JSON, choose_type};
use crate::dicomweb::model_form::DICOM_XML;
use crate::dicomweb::store::outcome::{FailureReason, Outcome};
use crate::problem::ApiError;

const RETRIEVE_URL: &str = "00081190";
const REFERENCED_SOP_SEQUENCE: &str = "00081199";
const FAILED_SOP_SEQUENCE: &str = "00081198";
const OTHER_FAILURES_SEQUENCE: &str = "0008119A";
const FAILURE_REASON: &str = "00081197";
const SOP_CLASS: &str = "00081150";
const SOP_INSTANCE: &str = "00081155";

/// In what form the client takes the answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnswerForm(&'static str);

impl AnswerForm {
    pub(super) fn choose(request: &HttpRequest) -> Result<Self, ApiError> {
        let had = [DICOM_JSON, "application/json", DICOM_XML, "application/xml"];
        match choose_type(request, &had) {
            Some(DICOM_XML | "application/xml") => Ok(Self(DICOM_XML)),
            Some(_) => Ok(Self(DICOM_JSON)),
            None => Err(ApiError::NotAcceptable(
                "application/dicom+json or application/dicom+xml",
            )),
        }
    }

    pub(super) fn answer(self, service: &str, outcome: &Outcome<'_>) -> HttpResponse {
        let status = match (outcome.had().next().is_none(), outcome.has_failures()) {
            (true, _) => StatusCode::CONFLICT,
            (false, true) => StatusCode::ACCEPTED,
            (false, false) => StatusCode::OK,
        };
        let document = document(service, outcome);
        let body = if self.0 == DICOM_XML {
            write_native_model(&document)
        } else {
            json!(document).to_string()
        };
        HttpResponse::build(status)
            .insert_header((header::CONTENT_TYPE, self.0))
            .insert_header((header::CACHE_CONTROL, "private, no-store"))
            .body(body)
    }
}

fn document(service: &str, outcome: &Outcome<'_>) -> Attributes {
    let mut document = Attributes::new();
    if let Some(study) = outcome.study() {
        insert(
            &mut document,
            RETRIEVE_URL,
            "UR",
            json!(format!("{service}/studies/{study}")),
        );
    }
    let stored = outcome.had().map(|instance| {
        let mut item = reference(instance);
        let url = format!(
            "{service}/studies/{}/series/{}/instances/{}",
            instance.study_instance_uid, instance.series_instance_uid, instance.sop_instance_uid
        );
        insert(&mut item, RETRIEVE_URL, "UR", json!(url));
        item
    });
    sequence(&mut document, REFERENCED_SOP_SEQUENCE, stored.collect());
    let failed = outcome.failed.iter().map(|(instance, reason)| {
        let mut item = reference(instance);
        insert(&mut item, FAILURE_REASON, "US", json!(reason.code()));
        item
    });
    sequence(&mut document, FAILED_SOP_SEQUENCE, failed.collect());
    let unnamed = outcome.unnamed.iter().map(|reason: &FailureReason| {
        let mut item = Attributes::new();
        insert(&mut item, FAILURE_REASON, "US", json!(reason.code()));
        item
    });
    sequence(&mut document, OTHER_FAILURES_SEQUENCE, unnamed.collect());
    document
}

fn reference(instance: &IndexedInstance) -> Attributes {
    let mut item = Attributes::new();
    insert(&mut item, SOP_CLASS, "UI", json!(instance.sop_class_uid));
    insert(&mut item, SOP_INSTANCE, "UI", json!(instance.sop_instance_uid));
    item
}

fn insert(attributes: &mut Attributes, tag: &str, representation: &str, value: Value) {
    let values = Value::Array(vec![value]);
    let attribute = Map::from_iter([
        ("vr".to_owned(), Value::from(representation)),
        ("Value".to_owned(), values),
    ]);
    attributes.insert(tag.to_owned(), Value::Object(attribute));
}

fn sequence(attributes: &mut Attributes, tag: &str, items: Vec<Attributes>) {
    if items.is_empty() {
        return;
    }
    let items = items
        .into_iter()
        .map(|item| Value::Object(item.into_iter().collect()));
    let attribute = Map::from_iter([
        ("vr".to_owned(), Value::from("SQ")),
        ("Value".to_owned(), items.collect()),
    ]);
    attributes.insert(tag.to_owned(), Value::Object(attribute));
}
