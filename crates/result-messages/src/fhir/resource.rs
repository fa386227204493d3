//! Parts that resources share.

use chrono::{DateTime, SecondsFormat, Utc};
use norma_dicom_results::{Code, StudyAttributes};
use norma_domain::Verdict;
use serde_json::{Value, json};

use crate::triage;

/// Of identifiers that Norma gives.
pub(super) const IDENTIFIER_SYSTEM: &str = "urn:oid:2.25.140298999022202696364350575472259384254";
/// Of Norma's own codes (99NORMA in DICOM).
const OWN_SYSTEM: &str = "urn:oid:2.25.50232877441761324364246174500389862110";
pub(super) const SNOMED: &str = "http://snomed.info/sct";
pub(super) const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
pub(super) const UCUM: &str = "http://unitsofmeasure.org";
const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";

pub(super) fn coding(system: &str, code: &str, display: &str) -> Value {
    json!({ "system": system, "code": code, "display": display })
}

pub(super) fn concept(coding: &Value, text: &str) -> Value {
    json!({ "coding": [coding], "text": text })
}

/// A concept of one of DICOM's coding schemes, or of Norma's own.
pub(super) fn of_dicom(code: &Code) -> Value {
    let system = match code.scheme() {
        "SCT" => SNOMED,
        "DCM" => DICOM,
        _ => OWN_SYSTEM,
    };
    concept(&coding(system, code.value(), code.meaning()), code.meaning())
}

/// The triage flag.
pub(super) fn interpretation(verdict: Verdict) -> Value {
    let meaning = triage::flag_meaning(verdict);
    json!([concept(
        &coding(INTERPRETATION, triage::flag(verdict), meaning),
        meaning
    )])
}

pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// DICOM's date and time without zone: the date alone, which FHIR wants a zone for otherwise.
pub(super) fn study_date(study: &StudyAttributes) -> Option<String> {
    let date = &study.study_date;
    (date.len() == 8).then(|| format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]))
}

/// Whom it is about, by identifier: no Patient is made or changed on the server.
pub(super) fn subject(study: &StudyAttributes) -> Option<Value> {
    if study.patient_id.is_empty() {
        return None;
    }
    let mut identifier = json!({ "value": study.patient_id });
    if !study.issuer_of_patient_id.is_empty() {
        identifier["assigner"] = json!({ "display": study.issuer_of_patient_id });
    }
    Some(json!({ "type": "Patient", "identifier": identifier }))
}
