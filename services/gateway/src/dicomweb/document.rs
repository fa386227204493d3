//! What searches answer.

use actix_web::{HttpRequest, HttpResponse};
use norma_database::FoundDicomStudy;
use norma_dicom_instances::Attributes;
use serde_json::{Value, json};

use crate::dicomweb::locate::Located;
use crate::dicomweb::model_form::ModelForm;
use crate::gateway::Gateway;
use crate::http::host::host_of;
use crate::problem::ApiError;

/// Where the service is, as the client sees it.
pub(crate) fn service_url(request: &HttpRequest, gateway: &Gateway) -> String {
    let base = gateway.options.public_url.clone().unwrap_or_else(|| {
        let scheme = if request.app_config().secure() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", host_of(request).unwrap_or("localhost"))
    });
    format!("{}/dicom-web", base.trim_end_matches('/'))
}

/// Where an instance is.
pub(super) fn instance_url(service: &str, located: &Located) -> String {
    let instance = located.instance();
    let study = located
        .holding
        .index
        .study_instance_uid
        .as_ref()
        .unwrap_or(&instance.study_instance_uid);
    format!(
        "{service}/studies/{study}/series/{}/instances/{}",
        instance.series_instance_uid, instance.sop_instance_uid
    )
}

pub(super) fn study_document(service: &str, study: &FoundDicomStudy) -> Result<Attributes, ApiError> {
    let mut document: Attributes = serde_json::from_str(&study.attributes).map_err(ApiError::internal)?;
    let uid = &study.study_instance_uid;
    set(&mut document, "0020000D", "UI", json!(uid));
    set(&mut document, "00080056", "CS", json!("ONLINE"));
    document.insert(
        "00080061".to_owned(),
        json!({ "vr": "CS", "Value": study.modalities }),
    );
    set(
        &mut document,
        "00081190",
        "UR",
        json!(format!("{service}/studies/{uid}")),
    );
    set(&mut document, "00201206", "IS", json!(study.series_count));
    set(&mut document, "00201208", "IS", json!(study.instance_count));
    for required in [
        "00080020", "00080030", "00080050", "00080090", "00100010", "00100020", "00100030", "00100040",
        "00200010",
    ] {
        let representation =
            norma_dicom_instances::representation_of(u32::from_str_radix(required, 16).unwrap_or(0));
        let representation = String::from_utf8_lossy(&representation).into_owned();
        document
            .entry(required.to_owned())
            .or_insert_with(|| json!({ "vr": representation }));
    }
    Ok(document)
}

/// One series by one of its instances; `instances`: how many it has.
pub(super) fn series_document(
    service: &str,
    located: &Located,
    instances: usize,
    with_study: bool,
) -> Attributes {
    let instance = located.instance();
    let index = &located.holding.index;
    let mut document = located
        .series()
        .map(|series| series.attributes.clone())
        .unwrap_or_default();
    if with_study {
        document.extend(index.study.clone());
    }
    let study = index
        .study_instance_uid
        .as_deref()
        .unwrap_or(&instance.study_instance_uid);
    set(&mut document, "0020000D", "UI", json!(study));
    let series = &instance.series_instance_uid;
    set(
        &mut document,
        "00081190",
        "UR",
        json!(format!("{service}/studies/{study}/series/{series}")),
    );
    set(&mut document, "00201209", "IS", json!(instances));
    document
}

pub(super) fn instance_document(service: &str, located: &Located, with_series: bool) -> Attributes {
    let instance = located.instance();
    let index = &located.holding.index;
    let mut document = instance.attributes.clone();
    if with_series {
        document.extend(index.study.clone());
        document.extend(
            located
                .series()
                .map(|series| series.attributes.clone())
                .unwrap_or_default(),
        );
    }
    let study = index
        .study_instance_uid
        .as_deref()
        .unwrap_or(&instance.study_instance_uid);
    set(&mut document, "0020000D", "UI", json!(study));
    set(
        &mut document,
        "0020000E",
        "UI",
        json!(instance.series_instance_uid),
    );
    set(&mut document, "00080056", "CS", json!("ONLINE"));
    set(
        &mut document,
        "00081190",
        "UR",
        json!(instance_url(service, located)),
    );
    document
}

fn set(document: &mut Attributes, tag: &str, representation: &str, value: Value) {
    document.insert(
        tag.to_owned(),
        json!({ "vr": representation, "Value": Value::Array(vec![value]) }),
    );
}

/// The answer of a search: 204 where nothing was found. `warnings`: what the client should know of it.
pub(super) fn answer(
    form: &ModelForm,
    documents: &[Attributes],
    warnings: &[&str],
) -> Result<HttpResponse, ApiError> {
    let mut response = if documents.is_empty() {
        HttpResponse::NoContent()
    } else {
        HttpResponse::Ok()
    };
    for warning in warnings {
        response.append_header(("Warning", format!("299 norma \"{warning}\"")));
    }
    if documents.is_empty() {
        response.insert_header(("Cache-Control", "private, no-store"));
        return Ok(response.finish());
    }
    form.answer(documents, response)
}
