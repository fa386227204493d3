//! The bundle.

use norma_dicom_results::derive_uuid;
use serde_json::{Value, json};
use uuid::Uuid;

use super::observation::observations;
use super::resource::{DICOM, IDENTIFIER_SYSTEM, coding, concept, instant, study_date, subject};
use crate::told::Told;

/// Patients without an identifier are no subject, and an imaging study needs one.
const UNKNOWN_PATIENT: &str = "unknown";

/// The transaction: an ImagingStudy where the server has none, then Observations and a DiagnosticReport, which take the place of
/// those that were sent before.
pub fn transaction(told: &Told<'_>) -> Value {
    let analysis = told.report.analysis_id;
    let url = |name: &str| format!("urn:uuid:{}", derived(told, name));
    let study_url = url("imaging study");
    let study_uid = format!("urn:oid:{}", told.study.study_instance_uid);
    let mut entries = vec![json!({
        "fullUrl": study_url,
        "resource": imaging_study(told, &study_uid),
        "request": {
            "method": "POST",
            "url": "ImagingStudy",
            // The PACS's own, where it has one.
            "ifNoneExist": format!("identifier=urn:dicom:uid|{study_uid}"),
        },
    })];
    let observations = observations(told, &study_url);
    let results: Vec<Value> = observations
        .iter()
        .map(|observation| json!({ "reference": url(&observation.name) }))
        .collect();
    let put = |kind: &str, identifier: &str| json!({ "method": "PUT", "url": format!("{kind}?identifier={IDENTIFIER_SYSTEM}|{identifier}") });
    for observation in observations {
        entries.push(json!({
            "fullUrl": url(&observation.name),
            "resource": observation.resource,
            "request": put("Observation", &format!("{analysis}-{}", observation.name)),
        }));
    }
    entries.push(json!({
        "fullUrl": url("report"),
        "resource": diagnostic_report(told, &study_url, &results),
        "request": put("DiagnosticReport", &analysis.to_string()),
    }));
    json!({
        "resourceType": "Bundle",
        "type": "transaction",
        "timestamp": instant(told.finished_at()),
        "entry": entries,
    })
}

/// The same for the same part of the same analysis.
fn derived(told: &Told<'_>, name: &str) -> Uuid {
    let analysis = told.report.analysis_id.as_uuid();
    derive_uuid(&[b"norma fhir 1\0", analysis.as_bytes(), name.as_bytes()])
}

fn imaging_study(told: &Told<'_>, study_uid: &str) -> Value {
    let mut identifiers = vec![json!({ "system": "urn:dicom:uid", "value": study_uid })];
    if !told.study.accession_number.is_empty() {
        identifiers.push(json!({
            "type": concept(
                &coding("http://terminology.hl7.org/CodeSystem/v2-0203", "ACSN", "Accession ID"),
                "Accession number",
            ),
            "value": told.study.accession_number,
        }));
    }
    let mut resource = json!({
        "resourceType": "ImagingStudy",
        "identifier": identifiers,
        "status": "available",
        "modality": [coding(DICOM, "CT", "Computed Tomography")],
        "subject": subject(told.study).unwrap_or_else(|| json!({ "display": UNKNOWN_PATIENT })),
    });
    if let Some(date) = study_date(told.study) {
        resource["started"] = json!(date);
    }
    resource
}

fn diagnostic_report(told: &Told<'_>, study: &str, results: &[Value]) -> Value {
    let report = told.report;
    let mut resource = json!({
        "resourceType": "DiagnosticReport",
        "identifier": [{ "system": IDENTIFIER_SYSTEM, "value": report.analysis_id.to_string() }],
        "status": "preliminary",
        "category": [{
            "coding": [coding("http://terminology.hl7.org/CodeSystem/v2-0074", "RAD", "Radiology")],
        }],
        "code": concept(&coding("http://loinc.org", "24627-2", "CT Chest"), "Chest CT triage by Norma"),
        "issued": instant(told.finished_at()),
        "result": results,
        "imagingStudy": [{ "reference": study }],
        "conclusion": told.conclusion(),
    });
    if let Some(subject) = subject(told.study) {
        resource["subject"] = subject;
    }
    if let Some(date) = study_date(told.study) {
        resource["effectiveDateTime"] = json!(date);
    }
    resource
}
