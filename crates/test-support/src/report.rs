use chrono::Utc;
use norma_domain::{
    AnalysisId, BundleReference, OperatingPoint, OperatingPointName, Probability, REPORT_SCHEMA, Report,
    ScanId, Summary, Timings, Verdict,
};

/// A report that holds a verdict and nothing else, for tests about something else than merging. They give what they
/// need on top (`Report { study, ..plain_report(…) }`), so that a new field of the report has one place in all tests.
pub fn plain_report(analysis_id: AnalysisId, scan_id: ScanId, verdict: Verdict) -> Report {
    let now = Utc::now();
    Report {
        schema: REPORT_SCHEMA.to_owned(),
        analysis_id,
        scan_id,
        verdict,
        reasons: Vec::new(),
        limitations: Vec::new(),
        probability_of_pathology: None,
        anomaly_score: None,
        operating_point: OperatingPoint {
            name: OperatingPointName("youden".to_owned()),
            threshold: Probability::new(0.5).expect("0.5 is a probability"),
        },
        threshold_verification: None,
        decided_by: None,
        study: None,
        quality: Vec::new(),
        stages: Vec::new(),
        findings: Vec::new(),
        measures: Vec::new(),
        measured_findings: Vec::new(),
        coverage: Vec::new(),
        grounds: Vec::new(),
        localization: None,
        localization_mm: None,
        key_slices: Vec::new(),
        selected_slices: Vec::new(),
        lung_extent: None,
        maps: Vec::new(),
        bundle: BundleReference {
            name: "test".to_owned(),
            version: "1.0.0".to_owned(),
            sha256: "ab".repeat(32),
        },
        timings: Timings {
            requested_at: now,
            started_at: None,
            finished_at: now,
            stage_duration_ms: Vec::new(),
        },
        rows: Vec::new(),
        summary: Summary {
            has_pathology_any: match verdict {
                Verdict::Pathology => Some(true),
                Verdict::Norm => Some(false),
                Verdict::Undetermined => None,
            },
        },
        disclaimer: "for research use".to_owned(),
    }
}
