//! Messages of made-up answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use chrono::{TimeZone as _, Utc};
use norma_dicom_results::StudyAttributes;
use norma_domain::{
    AnalysisId, LungSide, LungThird, MeasuredFinding, NoduleDensity, NoduleDetail, PathologyType,
    Probability, Reason, ReasonCode, Report, ScanId, Timings, Verdict, VoxelBox,
};
use norma_result_messages::{AccessionField, OruOptions, Told, oru_r01, transaction, webhook};
use norma_test_support::plain_report;
use serde_json::Value;

fn study() -> StudyAttributes {
    StudyAttributes {
        study_instance_uid: "1.2.3.4".to_owned(),
        patient_name: "Петрова^Анна|x".to_owned(),
        patient_id: "P-7^&".to_owned(),
        issuer_of_patient_id: "Clinic".to_owned(),
        birth_date: "19600101".to_owned(),
        sex: "F".to_owned(),
        study_date: "20261101".to_owned(),
        study_time: "101010.5".to_owned(),
        accession_number: "ACC-1".to_owned(),
        ..StudyAttributes::default()
    }
}

fn report(verdict: Verdict) -> Report {
    let at = Utc.with_ymd_and_hms(2026, 11, 26, 12, 30, 5).unwrap();
    let finding = |pathology, nodule: Option<NoduleDetail>| MeasuredFinding {
        pathology,
        side: LungSide::Right,
        third: LungThird::Lower,
        volume_ml: 34.25,
        mean_hu: 12.5,
        region: VoxelBox {
            x_min: 0,
            x_max: 1,
            y_min: 0,
            y_max: 1,
            z_min: 0,
            z_max: 1,
        },
        key_slice: 1,
        decides: nodule.is_none(),
        nodule,
    };
    let nodule = NoduleDetail {
        diameter_mm: 8.5,
        density: NoduleDensity::Solid,
        score: 0.9,
    };
    let reason = Reason::new(ReasonCode::CoverageIncomplete, "the apices are cut");
    let analysis_id = "019ab1c2-0000-7000-8000-000000000001"
        .parse::<AnalysisId>()
        .unwrap();
    Report {
        reasons: Vec::from_iter((verdict == Verdict::Undetermined).then_some(reason)),
        probability_of_pathology: Some(Probability::new(0.87).unwrap()),
        measured_findings: vec![
            finding(PathologyType::PleuralEffusion, None),
            finding(PathologyType::LungNodule, Some(nodule)),
        ],
        timings: Timings {
            requested_at: at,
            started_at: Some(at),
            finished_at: at,
            stage_duration_ms: Vec::new(),
        },
        ..plain_report(analysis_id, ScanId::generate(), verdict)
    }
}

fn options() -> OruOptions {
    OruOptions {
        sending_application: "NORMA".to_owned(),
        sending_facility: String::new(),
        receiving_application: "RIS".to_owned(),
        receiving_facility: "CLINIC".to_owned(),
        procedure: ["norma", "Chest CT triage", "99NORMA"].map(str::to_owned),
        accession_field: AccessionField::default(),
    }
}

/// Fields of the segments of a name, by their numbers.
fn segments(message: &str, name: &str) -> Vec<Vec<String>> {
    message
        .split_terminator('\r')
        .map(|segment| segment.split('|').map(str::to_owned).collect::<Vec<_>>())
        .filter(|fields| fields[0] == name)
        .collect()
}

#[test]
fn a_message_says_whose_study_it_is_and_how_urgent() {
    let study = study();
    for (verdict, flag) in [
        (Verdict::Norm, "N"),
        (Verdict::Pathology, "A"),
        (Verdict::Undetermined, "IND"),
    ] {
        let report = report(verdict);
        let told = Told {
            report: &report,
            study: &study,
        };
        let message = oru_r01(&told, &options());
        assert_eq!(message, oru_r01(&told, &options()), "a repeat is the same");
        let names: Vec<&str> = message
            .split_terminator('\r')
            .map(|segment| &segment[..3])
            .collect();
        assert_eq!(names[..4], ["MSH", "PID", "OBR", "NTE"]);
        assert!(names[4..].iter().all(|name| *name == "OBX"));
        let patient = &segments(&message, "PID")[0];
        assert_eq!(patient[3], "P-7\\S\\\\T\\^^^Clinic");
        assert_eq!(patient[5], "Петрова^Анна\\F\\x");
        let request = &segments(&message, "OBR")[0];
        assert_eq!(request[3], "ACC-1");
        assert_eq!(
            (request[7].as_str(), request[25].as_str()),
            ("20261101101010", "P")
        );
        let observations = segments(&message, "OBX");
        assert_eq!(observations[0][3], "verdict^Verdict^99NORMA");
        assert_eq!(observations[0][8], flag);
        assert!(observations.iter().all(|observation| observation[11] == "P"));
        let of = |name: &str| {
            observations
                .iter()
                .find(|observation| observation[3].starts_with(name))
        };
        assert_eq!(of("reason").is_some(), verdict == Verdict::Undetermined);
        assert_eq!(of("81827009").map(|diameter| diameter[5].as_str()), Some("8.5"));
        let numbers: Vec<&str> = observations
            .iter()
            .map(|observation| observation[1].as_str())
            .collect();
        let expected: Vec<String> = (1..=observations.len())
            .map(|number| number.to_string())
            .collect();
        assert_eq!(numbers, expected);
    }
}

#[test]
fn the_accession_number_stands_where_the_receiver_reads_it() {
    let (study, report) = (study(), report(Verdict::Norm));
    let told = Told {
        report: &report,
        study: &study,
    };
    for (accession_field, number) in [
        (AccessionField::PlacerOrderNumber, 2),
        (AccessionField::FillerOrderNumber, 3),
        (AccessionField::PlacerField1, 18),
    ] {
        let options = OruOptions {
            accession_field,
            ..options()
        };
        let request = &segments(&oru_r01(&told, &options), "OBR")[0];
        assert_eq!(request[number], "ACC-1");
        assert!(!request[3].is_empty(), "a filler order number is required");
    }
    let nobody = StudyAttributes {
        study_instance_uid: "1.2.3".to_owned(),
        ..StudyAttributes::default()
    };
    let told = Told {
        report: &report,
        study: &nobody,
    };
    let request = &segments(&oru_r01(&told, &options()), "OBR")[0];
    assert!(request[3].contains("NORMA"));
}

#[test]
fn a_transaction_makes_no_patient_and_can_be_sent_again() {
    let (study, report) = (study(), report(Verdict::Undetermined));
    let told = Told {
        report: &report,
        study: &study,
    };
    let bundle = transaction(&told);
    assert_eq!(bundle, transaction(&told));
    let entries = bundle["entry"].as_array().unwrap();
    let kinds: Vec<&str> = entries
        .iter()
        .map(|entry| entry["resource"]["resourceType"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "ImagingStudy",
            "Observation",
            "Observation",
            "Observation",
            "Observation",
            "DiagnosticReport"
        ]
    );
    let urls: Vec<&Value> = entries.iter().map(|entry| &entry["fullUrl"]).collect();
    let report = entries.last().unwrap();
    for reference in report["resource"]["result"].as_array().unwrap() {
        assert!(urls.contains(&&reference["reference"]));
    }
    assert!(urls.contains(&&report["resource"]["imagingStudy"][0]["reference"]));
    for entry in &entries[1..] {
        let identifier = &entry["resource"]["identifier"][0];
        let asked = entry["request"]["url"].as_str().unwrap();
        let named = format!(
            "{}|{}",
            identifier["system"].as_str().unwrap(),
            identifier["value"].as_str().unwrap()
        );
        assert_eq!(entry["request"]["method"], "PUT");
        assert!(asked.ends_with(&named), "{asked} {named}");
        assert_eq!(entry["resource"]["status"], "preliminary");
    }
    let verdict = &entries[1]["resource"];
    assert_eq!(verdict["interpretation"][0]["coding"][0]["code"], "IND");
    assert_eq!(verdict["subject"]["identifier"]["value"], "P-7^&");
    let conclusion = verdict["note"][0]["text"].as_str().unwrap();
    assert!(conclusion.contains("the apices are cut"));
    for said in [
        "Pleural effusion: right lower third, 34.2 ml, 12 HU.",
        "Lung nodule: right lower third, 8 mm, 12 HU (does not decide).",
    ] {
        assert!(conclusion.lines().any(|line| line == said), "{conclusion}");
    }
}

#[test]
fn a_webhook_has_one_id_and_a_signature_of_its_time() {
    let (study, report) = (study(), report(Verdict::Pathology));
    let told = Told {
        report: &report,
        study: &study,
    };
    let at = |second| Utc.timestamp_opt(second, 0).unwrap();
    let [one, two] = [1, 2].map(|second| webhook(&told, b"secret", at(second)));
    assert_eq!(one.headers[0], two.headers[0]);
    assert_ne!(one.headers[2], two.headers[2]);
    assert_eq!(one.body, two.body);
    let body: Value = serde_json::from_slice(&one.body).unwrap();
    assert_eq!(body["data"]["triage"], "A");
    assert_eq!(body["data"]["status"], "preliminary");
    assert_eq!(body["data"]["study"]["accession_number"], "ACC-1");
    assert_eq!(body["data"]["report"]["verdict"], "pathology");
    let other = webhook(&told, b"another", at(1));
    assert_ne!(one.headers[2], other.headers[2]);
}
