//! An unsolicited observation (ORU^R01, HL7 v2.5.1 chapter 7.3.1).

use norma_dicom_results::{
    FINDING, FINDING_SITE, LIMITATION, PROBABILITY, REASON, VERDICT, finding_concept, side_code, verdict_code,
};
use norma_domain::{MeasuredFinding, Report};

use super::field::{coded, components, concept, dicom_moment, moment, number, person_name, text};
use super::segment::{Segment, message_header};
use crate::findings::{measures, third};
use crate::told::Told;
use crate::triage;

/// Preliminary: no person has verified it.
const STATUS: &str = "P";

/// Where the accession number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccessionField {
    /// OBR-2.
    PlacerOrderNumber,
    /// OBR-3.
    #[default]
    FillerOrderNumber,
    /// OBR-18.
    PlacerField1,
}

/// What a site's receiver wants to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OruOptions {
    /// MSH-3 to MSH-6.
    pub sending_application: String,
    pub sending_facility: String,
    pub receiving_application: String,
    pub receiving_facility: String,
    /// OBR-4: code, text and coding system.
    pub procedure: [String; 3],
    pub accession_field: AccessionField,
}

/// The message. Segments end with CR; it is in UTF-8.
pub fn oru_r01(told: &Told<'_>, options: &OruOptions) -> String {
    let mut message = header(told, options);
    message += &patient(told);
    message += &request(told, options);
    message += &Segment::new("NTE")
        .with(1, "1")
        .with(3, text(&told.report.disclaimer))
        .write();
    for (observation, index) in observations(told).into_iter().zip(1..) {
        message += &observation.with(1, index.to_string()).write();
    }
    message
}

fn header(told: &Told<'_>, options: &OruOptions) -> String {
    message_header(&[
        (3, text(&options.sending_application)),
        (4, text(&options.sending_facility)),
        (5, text(&options.receiving_application)),
        (6, text(&options.receiving_facility)),
        (7, moment(told.finished_at())),
        (9, "ORU^R01^ORU_R01".to_owned()),
        // 20 characters at most: the end of the analysis's id, which is random.
        (10, control_id(told.report)),
        (11, "P".to_owned()),
        (12, "2.5.1".to_owned()),
        (18, "UNICODE UTF-8".to_owned()),
    ])
}

pub(super) fn control_id(report: &Report) -> String {
    let id = report.analysis_id.as_uuid().simple().to_string();
    id[id.len() - 20..].to_owned()
}

fn patient(told: &Told<'_>) -> String {
    let study = told.study;
    let id = if study.patient_id.is_empty() {
        String::new()
    } else {
        components(&[&study.patient_id, "", "", &study.issuer_of_patient_id])
    };
    Segment::new("PID")
        .with(1, "1")
        .with(3, id)
        .with(5, person_name(&study.patient_name))
        .with(7, text(&study.birth_date))
        .with(8, text(&study.sex))
        .write()
}

fn request(told: &Told<'_>, options: &OruOptions) -> String {
    let Told { report, study } = *told;
    let accession = text(&study.accession_number);
    let own = components(&[&report.analysis_id.to_string(), "NORMA"]);
    let [code, meaning, scheme] = &options.procedure;
    let studied = dicom_moment(&study.study_date, &study.study_time);
    let observed = if studied.is_empty() {
        moment(report.timings.requested_at)
    } else {
        studied
    };
    let request = Segment::new("OBR")
        .with(1, "1")
        .with(4, coded(code, meaning, scheme))
        .with(7, observed)
        .with(22, moment(told.finished_at()))
        .with(24, "CT")
        .with(25, STATUS);
    // A filler order number is required: without the accession number it is ours.
    let is_filler = options.accession_field == AccessionField::FillerOrderNumber && !accession.is_empty();
    let request = match options.accession_field {
        AccessionField::FillerOrderNumber => request,
        AccessionField::PlacerOrderNumber => request.with(2, accession.clone()),
        AccessionField::PlacerField1 => request.with(18, accession.clone()),
    };
    if is_filler {
        request.with(3, accession).with(20, own)
    } else {
        request.with(3, own)
    }
    .write()
}

/// OBX without its number.
fn observation(told: &Told<'_>, value_type: &str, name: String, value: String) -> Segment {
    Segment::new("OBX")
        .with(2, value_type)
        .with(3, name)
        .with(5, value)
        .with(11, STATUS)
        .with(14, moment(told.finished_at()))
        .with(17, components(&[&told.algorithm()]))
}

fn observations(told: &Told<'_>) -> Vec<Segment> {
    let Told { report, study } = *told;
    let verdict = concept(&verdict_code(report.verdict));
    let mut all = vec![
        observation(told, "CE", concept(&VERDICT), verdict).with(8, triage::flag(report.verdict)),
        observation(
            told,
            "ST",
            coded("110180", "Study Instance UID", "DCM"),
            text(&study.study_instance_uid),
        ),
    ];
    if let Some(probability) = report.probability_of_pathology {
        let threshold = report.operating_point.threshold.value();
        all.push(
            observation(told, "NM", concept(&PROBABILITY), number(probability.value()))
                .with(6, coded("1", "no units", "UCUM"))
                .with(7, format!("<{}", number(threshold))),
        );
    }
    let reason = concept(&REASON);
    all.extend(
        report
            .reasons
            .iter()
            .map(|said| observation(told, "TX", reason.clone(), text(&said.message))),
    );
    let limitation = concept(&LIMITATION);
    let limitations = report
        .limitations
        .iter()
        .filter(|limitation| !report.reasons.contains(limitation));
    all.extend(limitations.map(|said| observation(told, "TX", limitation.clone(), text(&said.message))));
    for (finding, group) in report.measured_findings.iter().zip(1..) {
        all.extend(of_finding(told, finding, group));
    }
    all
}

/// Joined by OBX-4.
fn of_finding(told: &Told<'_>, finding: &MeasuredFinding, group: usize) -> Vec<Segment> {
    let found = concept(&finding_concept(finding.pathology));
    let place = format!("{} {}", side_code(finding.side).meaning(), third(finding.third));
    let mut all = vec![
        observation(told, "CE", concept(&FINDING), found).with(8, if finding.decides { "A" } else { "" }),
        observation(told, "TX", concept(&FINDING_SITE), text(&place)),
    ];
    all.extend(measures(finding).map(|measure| {
        let unit = &measure.unit;
        observation(told, "NM", concept(&measure.name), number(measure.value))
            .with(6, coded(unit.value(), unit.value(), unit.scheme()))
    }));
    all.into_iter()
        .map(|segment| segment.with(4, group.to_string()))
        .collect()
}
