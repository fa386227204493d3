//! What was observed: the verdict, the probability, and each measured finding.

use norma_dicom_results::{
    FINDING, FindingMeasure, PROBABILITY, VERDICT, finding_concept, finding_identifier, side_code,
    verdict_code,
};
use norma_domain::{MeasuredFinding, PathologyType};
use serde_json::{Value, json};

use super::resource::{
    IDENTIFIER_SYSTEM, SNOMED, UCUM, coding, concept, instant, interpretation, of_dicom, study_date, subject,
};
use crate::findings::{measures, third};
use crate::told::Told;

/// An observation and what names it within the analysis.
pub(super) struct NamedObservation {
    pub(super) name: String,
    pub(super) resource: Value,
}

/// All of an answer, the verdict first. `study`: the reference to the imaging study.
pub(super) fn observations(told: &Told<'_>, study: &str) -> Vec<NamedObservation> {
    let report = told.report;
    let mut verdict = base(told, study, "verdict", &of_dicom(&VERDICT));
    verdict["valueCodeableConcept"] = of_dicom(&verdict_code(report.verdict));
    verdict["interpretation"] = interpretation(report.verdict);
    verdict["note"] = json!([{ "text": told.conclusion() }]);
    let mut all = vec![NamedObservation {
        name: "verdict".to_owned(),
        resource: verdict,
    }];
    if let Some(probability) = report.probability_of_pathology {
        let mut resource = base(told, study, "probability", &of_dicom(&PROBABILITY));
        resource["valueQuantity"] =
            json!({ "value": probability.value(), "unit": "1", "system": UCUM, "code": "1" });
        resource["referenceRange"] = json!([{
            "high": { "value": report.operating_point.threshold.value(), "unit": "1", "system": UCUM, "code": "1" },
            "text": format!("threshold of the operating point {}", report.operating_point.name),
        }]);
        all.push(NamedObservation {
            name: "probability".to_owned(),
            resource,
        });
    }
    for (index, finding) in report.measured_findings.iter().enumerate() {
        let name = finding_identifier(index);
        let resource = of_finding(told, study, &name, finding);
        all.push(NamedObservation { name, resource });
    }
    all
}

fn of_finding(told: &Told<'_>, study: &str, name: &str, finding: &MeasuredFinding) -> Value {
    let mut resource = base(told, study, name, &of_dicom(&FINDING));
    resource["valueCodeableConcept"] = of_dicom(&finding_concept(finding.pathology));
    resource["bodySite"] = body_site(finding);
    resource["component"] = measures(finding).map(|measure| component(&measure)).collect();
    if finding.decides {
        resource["interpretation"] = interpretation(norma_domain::Verdict::Pathology);
    }
    resource
}

/// The lung or the pleura, its side in words.
fn body_site(finding: &MeasuredFinding) -> Value {
    let (code, display) = match finding.pathology {
        PathologyType::PleuralEffusion | PathologyType::Pneumothorax => ("3120008", "Pleural structure"),
        _ => ("39607008", "Lung structure"),
    };
    let side = side_code(finding.side).meaning().to_lowercase();
    let text = format!("{display}, {side}, {}", third(finding.third));
    concept(&coding(SNOMED, code, display), &text)
}

fn component(measure: &FindingMeasure) -> Value {
    let unit = measure.unit.value();
    json!({
        "code": of_dicom(&measure.name),
        "valueQuantity": {
            "value": measure.value,
            "unit": unit,
            "system": UCUM,
            "code": unit,
        },
    })
}

fn base(told: &Told<'_>, study: &str, name: &str, code: &Value) -> Value {
    let category = coding(
        "http://terminology.hl7.org/CodeSystem/observation-category",
        "imaging",
        "Imaging",
    );
    let mut resource = json!({
        "resourceType": "Observation",
        "identifier": [{
            "system": IDENTIFIER_SYSTEM,
            "value": format!("{}-{name}", told.report.analysis_id),
        }],
        // Nobody has verified it.
        "status": "preliminary",
        "category": [{ "coding": [category] }],
        "code": code,
        "issued": instant(told.finished_at()),
        "derivedFrom": [{ "reference": study }],
        "method": { "text": told.algorithm() },
        "device": { "display": "Norma" },
    });
    if let Some(subject) = subject(told.study) {
        resource["subject"] = subject;
    }
    if let Some(date) = study_date(told.study) {
        resource["effectiveDateTime"] = json!(date);
    }
    resource
}
