//! `norma.report/v1`: the one document that answers an analysis.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::measure::show_pathology;
use crate::{
    AnalysisId, BundleReference, Finding, Ground, MassRunRow, Measure, MeasuredFinding, OperatingPoint,
    Probability, QualityCheck, Reason, ScanId, SopInstanceUid, Stage, StageOutcome, StudySummary,
    ThresholdVerification, TypeCoverage, Verdict, VoxelBox,
};

/// Value of [`Report::schema`].
pub const REPORT_SCHEMA: &str = "norma.report/v1";

/// The merged answer to one analysis; a superset of the reference service's `{rows, summary}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Report {
    pub schema: String,
    pub analysis_id: AnalysisId,
    pub scan_id: ScanId,
    pub verdict: Verdict,
    /// Why the verdict is undetermined; empty otherwise.
    pub reasons: Vec<Reason>,
    /// What was not seen, or not computed, of the study. Each forbids norm; beside pathology they say what else may be
    /// there. Where the verdict is undetermined they stand in `reasons` as well.
    #[serde(default)]
    pub limitations: Vec<Reason>,
    /// Calibrated; where a limitation is a stage without a score, a lower bound. None where the verdict is undetermined because no score could be computed.
    pub probability_of_pathology: Option<Probability>,
    /// The bundle's fusion of the normalised anomaly score and the classifier's probability, before calibration.
    pub anomaly_score: Option<f64>,
    pub operating_point: OperatingPoint,
    /// Whether the threshold was measured on the study's scanner. None of reports that are older than this field.
    #[serde(default)]
    pub threshold_verification: Option<ThresholdVerification>,
    /// Which stage contributed the larger part to it.
    pub decided_by: Option<Decision>,
    pub study: Option<StudySummary>,
    pub quality: Vec<QualityCheck>,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<StageOutcome>))]
    pub stages: Vec<StageReport>,
    pub findings: Vec<Finding>,
    /// What was measured in Hounsfield units; empty in reports from before there were measures.
    #[serde(default)]
    pub measures: Vec<Measure>,
    /// Components that the measures found, each with its place.
    #[serde(default)]
    pub measured_findings: Vec<MeasuredFinding>,
    /// How each pathology type was looked for.
    #[serde(default)]
    pub coverage: Vec<TypeCoverage>,
    /// What a verdict of pathology rests on, the weightiest first; empty otherwise.
    #[serde(default)]
    pub grounds: Vec<Ground>,
    pub localization: Option<VoxelBox>,
    /// The same box in LPS millimetres: two opposite corners `[x, y, z]`.
    pub localization_mm: Option<[[f64; 3]; 2]>,
    pub key_slices: Vec<KeySlice>,
    pub selected_slices: Vec<usize>,
    pub lung_extent: Option<[usize; 2]>,
    pub maps: Vec<MapLink>,
    pub bundle: BundleReference,
    pub timings: Timings,
    pub rows: Vec<MassRunRow>,
    pub summary: Summary,
    /// States that this is no medical device.
    pub disclaimer: String,
}

impl Report {
    /// Whether what was measured is pathology, whatever the models say: no threshold changes that.
    pub fn is_pathology_by_measures(&self) -> bool {
        show_pathology(&self.measures, &self.measured_findings)
    }
}

/// The stage that contributed the larger part to the fused score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Decision {
    Anomaly,
    Classifier,
}

/// A stage's outcome in the report. Written as the outcome alone, which names its stage: the stage would
/// stand twice in the document otherwise, and a document with a key twice cannot be read back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "StageOutcome", into = "StageOutcome")]
pub struct StageReport {
    pub stage: Stage,
    pub outcome: StageOutcome,
}

impl From<StageOutcome> for StageReport {
    fn from(outcome: StageOutcome) -> Self {
        Self {
            stage: outcome.stage(),
            outcome,
        }
    }
}

impl From<StageReport> for StageOutcome {
    fn from(report: StageReport) -> Self {
        report.outcome
    }
}

/// A slice worth looking at first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeySlice {
    pub slice: usize,
    pub sop_instance_uid: Option<SopInstanceUid>,
    /// As in [`crate::SliceReference`].
    #[serde(default)]
    pub instance_number: Option<i64>,
    #[serde(default)]
    pub table_position_mm: Option<f64>,
    /// Of the stage; of a measured finding 1, of a nodule its rule's.
    pub score: f64,
    /// The stage that points at it: the preparation where a measured finding does.
    pub stage: Stage,
}

/// Where a stage's maps are served, relative to the gateway: `…/heatmaps/{stage}/{n}` with `{n}` a slice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MapLink {
    pub stage: Stage,
    pub href: String,
}

/// When things happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Timings {
    pub requested_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: DateTime<Utc>,
    /// Compute time of each stage that ran.
    pub stage_duration_ms: Vec<(Stage, u64)>,
}

/// The reference service's summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Summary {
    /// None where no row has a verdict of norm or pathology.
    pub has_pathology_any: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ReasonCode, StageFailure, StageResult};

    #[test]
    fn a_stage_report_is_read_back_from_what_it_writes() {
        let completed = StageReport::from(StageOutcome::Completed(StageResult {
            stage: Stage::Anomaly,
            models: Vec::new(),
            bundle: None,
            execution_provider: "cpu".to_owned(),
            duration_ms: 12,
            score: None,
            slice_scores: Vec::new(),
            components: Vec::new(),
            findings: Vec::new(),
            localization: None,
            has_map: false,
        }));
        let failed = StageReport::from(StageOutcome::Failed(StageFailure {
            stage: Stage::Typing,
            reason: Reason::new(ReasonCode::StageTimeout, "no answer in time"),
        }));
        for report in [completed, failed] {
            let text = serde_json::to_string(&report).unwrap();
            assert_eq!(text.matches("\"stage\"").count(), 1, "{text}");
            assert_eq!(serde_json::from_str::<StageReport>(&text).unwrap(), report);
        }
    }
}
