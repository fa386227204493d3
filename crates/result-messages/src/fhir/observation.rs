//! What was observed: the verdict, the probability, and each measured finding.

use norma_domain::{LungSide, MeasuredFinding, PathologyType};
use serde_json::{Value, json};

use super::resource::{
    IDENTIFIER_SYSTEM, SNOMED, UCUM, coding, concept, instant, interpretation, of_dicom, own, study_date,
    subject,
};
use crate::findings::{self, Quantity, quantities, third};
use crate::told::Told;
use crate::triage;

/// An observation and what names it within the analysis.
pub(super) struct NamedObservation {
    pub(super) name: String,
    pub(super) resource: Value,
}

/// All of an answer, the verdict first. `study`: the reference to the imaging study.
pub(super) fn observations(told: &Told<'_>, study: &str) -> Vec<NamedObservation> {
    let report = told.report;
    let mut verdict = base(told, study, "verdict", &own("verdict", "Verdict"));
    verdict["valueCodeableConcept"] = own(triage::code(report.verdict), triage::meaning(report.verdict));
    verdict["interpretation"] = interpretation(report.verdict);
    verdict["note"] = json!([{ "text": told.conclusion() }]);
    let mut all = vec![NamedObservation {
        name: "verdict".to_owned(),
        resource: verdict,
    }];
    if let Some(probability) = report.probability_of_pathology {
        let code = own("probability", "Probability of pathology");
        let mut resource = base(told, study, "probability", &code);
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
    for (finding, number) in report.measured_findings.iter().zip(1..) {
        let name = format!("finding-{number}");
        let resource = of_finding(told, study, &name, finding);
        all.push(NamedObservation { name, resource });
    }
    all
}

fn of_finding(told: &Told<'_>, study: &str, name: &str, finding: &MeasuredFinding) -> Value {
    let code = coding(
        "http://dicom.nema.org/resources/ontology/DCM",
        "121071",
        "Finding",
    );
    let mut resource = base(told, study, name, &concept(&code, "Finding"));
    resource["valueCodeableConcept"] = of_dicom(&findings::concept(finding));
    resource["bodySite"] = body_site(finding);
    resource["component"] = quantities(finding).iter().map(component).collect();
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
    let side = match finding.side {
        LungSide::Right => "right",
        LungSide::Left => "left",
    };
    let text = format!("{display}, {side}, {}", third(finding.third));
    concept(&coding(SNOMED, code, display), &text)
}

fn component(quantity: &Quantity) -> Value {
    json!({
        "code": of_dicom(&quantity.concept),
        "valueQuantity": {
            "value": quantity.value,
            "unit": quantity.unit,
            "system": UCUM,
            "code": quantity.unit,
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
