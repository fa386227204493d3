//! From the stages' outcomes to the one report.

mod completed;
mod doubts;
mod evidence;
mod key_slices;
mod links;
mod rows;
mod score_alone;
mod types;
mod verdict;
mod verification;

use chrono::{DateTime, Utc};
use norma_domain::{
    AnalysisId, Decision, KeySlice, MeasuredFinding, OperatingPoint, PreparedSummary, Probability,
    REPORT_SCHEMA, ReasonCode, Report, ScanId, Stage, StageOutcome, StageReport, StageResult, Timings,
    UnverifiedThreshold, Verdict, VoxelBox,
};
use norma_inference::Bundle;

pub use rows::failure_row;

use completed::completed;

use crate::localization::within;

/// States what the answer is not.
pub const DISCLAIMER: &str =
    "For research use only. Norma is not a medical device; a radiologist decides on every study.";

/// Everything that a report is made of.
#[derive(Debug, Clone)]
pub struct MergeInput<'a> {
    pub analysis_id: AnalysisId,
    pub scan_id: ScanId,
    pub prepared: PreparedSummary,
    /// One outcome of each model stage; a missing one makes the verdict undetermined.
    pub outcomes: Vec<StageOutcome>,
    pub bundle: &'a Bundle,
    /// The one that was asked for, with the threshold that it has for all scanners: the study's scanner may have its own.
    pub operating_point: OperatingPoint,
    /// What follows where the operating point was not measured on the study's scanner.
    pub unverified_threshold: UnverifiedThreshold,
    pub requested_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: DateTime<Utc>,
    /// For the mass-run row only.
    pub path_to_study: String,
}

/// The scores once all that is needed for them was computed.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scores {
    fused: f64,
    probability: Probability,
    decision: Decision,
}

/// Merges the outcomes of the model stages.
///
/// The verdict is norm only where every model stage completed with the bundle's models, every quality check that
/// matters passed, every score is finite, and what norm needs was measured. It is pathology where the volume is to be
/// trusted and the sound scores reach the threshold (unless nothing else speaks for it where they mean little, docs/adr/1724), a measure in
/// Hounsfield units that decides lies outside its range, or a nodule was found that decides, whatever else was not seen or not computed: the fused score never falls when a
/// score rises, so a score that is missing counts as 0 and gives a lower bound. Otherwise it is undetermined, with all
/// reasons. The probability is given wherever both scores that it needs were computed, and for a pathology that has one.
pub fn merge_report(input: MergeInput<'_>) -> Report {
    let sound = sound_scores(&input);
    let measured = input.prepared.quantification.as_ref();
    let (operating_point, verification) =
        verification::on_scanner(&input.prepared.study, input.bundle, &input.operating_point);
    let threshold = operating_point.threshold;
    let mut doubts = doubts::doubts(&input.prepared, &input.outcomes, input.bundle, sound.is_some());
    doubts.limiting.extend(evidence::doubts(measured));
    if input.unverified_threshold == UnverifiedThreshold::Withhold {
        doubts.limiting.extend(verification.reason.clone());
    }
    let unlike = score_alone::unlike_known(measured, input.bundle);
    let speaking = sound
        .filter(|_| unlike.is_none())
        .map(|scores| scores.probability);
    doubts.limiting.extend(unlike);
    let mut by_models = verdict::verdict(&doubts, speaking, threshold);
    if by_models == Verdict::Pathology
        && let Some(unsupported) = score_alone::unsupported(measured, &verification, input.bundle)
    {
        doubts.limiting.push(unsupported);
        by_models = Verdict::Undetermined;
    }
    let verdict = evidence::join(by_models, &doubts, measured);
    let scores = match verdict {
        Verdict::Undetermined => computed_scores(&input),
        Verdict::Norm | Verdict::Pathology => sound,
    };
    let probability = scores.map(|scores| scores.probability);
    let mut limitations = doubts.limiting;
    if verdict == Verdict::Pathology {
        // What a threshold is worth hides nothing of the study.
        limitations.retain(|limitation| limitation.code != ReasonCode::ThresholdUnverified);
    }
    let reasons = match verdict {
        Verdict::Undetermined => [doubts.forbidding, limitations.clone()].concat(),
        Verdict::Norm | Verdict::Pathology => Vec::new(),
    };
    // A component that was measured lies where it was measured; a map only points.
    let evidence_region = measured
        .filter(|_| verdict == Verdict::Pathology)
        .and_then(|measured| evidence::deciding_findings(measured).next())
        .map(|finding| finding.region);

    let geometry = &input.prepared.study.geometry;
    let localization = (verdict != Verdict::Norm)
        .then(|| {
            within(
                evidence_region.or_else(|| Some(region(&input.outcomes)?.1))?,
                geometry.shape,
            )
        })
        .flatten();
    let grounds = if verdict == Verdict::Pathology {
        evidence::grounds(measured, speaking, threshold)
    } else {
        Vec::new()
    };
    let coverage = evidence::coverage(measured, completed(&input.outcomes, Stage::Typing));
    let findings = completed(&input.outcomes, Stage::Typing)
        .map(|typing| types::corrected(typing.findings.clone(), measured))
        .unwrap_or_default();
    let measured_types = types::measured_types(measured);
    let row = rows::row(&rows::RowInput {
        path_to_study: &input.path_to_study,
        study: &input.prepared.study,
        verdict,
        probability,
        reasons: &reasons,
        limitations: &limitations,
        findings: &findings,
        measured_types: &measured_types,
        danger_rank: &|label| input.bundle.danger_rank(label),
        slices: &input.prepared.slices,
        localization,
        seconds: seconds_between(input.started_at.unwrap_or(input.requested_at), input.finished_at),
    });
    Report {
        schema: REPORT_SCHEMA.to_owned(),
        analysis_id: input.analysis_id,
        scan_id: input.scan_id,
        verdict,
        reasons,
        limitations,
        probability_of_pathology: probability,
        anomaly_score: scores.map(|scores| scores.fused),
        operating_point,
        threshold_verification: Some(verification),
        decided_by: scores.map(|scores| scores.decision),
        findings,
        measures: measured
            .map(|measured| measured.measures.clone())
            .unwrap_or_default(),
        measured_findings: measured
            .map(|measured| measured.findings.clone())
            .unwrap_or_default(),
        coverage,
        grounds,
        localization,
        localization_mm: localization.map(|region| geometry.corners_mm(region)),
        key_slices: key_slices(&input, verdict),
        selected_slices: input.prepared.selected_slices.clone(),
        lung_extent: input.prepared.lung_extent,
        maps: links::map_links(input.scan_id, &input.outcomes),
        bundle: input.bundle.reference().clone(),
        timings: timings(&input),
        summary: rows::summary(std::slice::from_ref(&row)),
        rows: vec![row],
        stages: stage_reports(input.outcomes),
        quality: input.prepared.quality,
        study: Some(input.prepared.study),
        disclaimer: DISCLAIMER.to_owned(),
    }
}

/// What the scores say that were computed, sound or not. None unless both the anomaly and the classifier stage gave
/// one and the calibration took their fusion.
fn computed_scores(input: &MergeInput<'_>) -> Option<Scores> {
    let score_of = |stage| Some(completed(&input.outcomes, stage)?.score?.value());
    fuse(input, score_of(Stage::Anomaly)?, score_of(Stage::Classifier)?)
}

/// What the sound scores say. A stage without one counts as 0, its lowest: neither [`norma_inference::Fusion`] nor
/// [`norma_inference::Calibration`] falls with a score, so the result is a lower bound. None without any.
fn sound_scores(input: &MergeInput<'_>) -> Option<Scores> {
    let score_of = |stage| doubts::sound_score(stage, &input.outcomes, input.bundle);
    let (anomaly, classifier) = (score_of(Stage::Anomaly), score_of(Stage::Classifier));
    anomaly.or(classifier)?;
    fuse(input, anomaly.unwrap_or(0.0), classifier.unwrap_or(0.0))
}

/// None where a stage was read with another bundle than the report's: its scores are on another scale.
fn fuse(input: &MergeInput<'_>, anomaly: f64, classifier: f64) -> Option<Scores> {
    if doubts::is_mixed(&input.outcomes, input.bundle) {
        return None;
    }
    let (fused, decision, probability) = input.bundle.answer(anomaly, classifier)?;
    Some(Scores {
        fused,
        probability,
        decision,
    })
}

/// The region that the maps point at, uncut: that of the anomaly stage, else of the classifier, whichever of them decided: the anomaly map is finer and
/// is measured against norm at the same place, a class-activation map of 7 × 7 cells points at no finding.
fn region(outcomes: &[StageOutcome]) -> Option<(Stage, VoxelBox)> {
    [Stage::Anomaly, Stage::Classifier]
        .into_iter()
        .find_map(|stage| Some((stage, completed(outcomes, stage)?.localization?)))
}

fn key_slices(input: &MergeInput<'_>, verdict: Verdict) -> Vec<KeySlice> {
    let measured = input.prepared.quantification.as_ref();
    let found: Vec<&MeasuredFinding> = measured
        .filter(|_| verdict == Verdict::Pathology)
        .map(|measured| evidence::named_findings(measured).collect())
        .unwrap_or_default();
    let results: Vec<&StageResult> = [Stage::Anomaly, Stage::Classifier]
        .into_iter()
        .filter_map(|stage| completed(&input.outcomes, stage))
        .collect();
    key_slices::key_slices(
        &found,
        &results,
        region(&input.outcomes),
        &input.prepared.slices,
        input.prepared.study.geometry.spacing_mm.z(),
    )
}

fn timings(input: &MergeInput<'_>) -> Timings {
    let stages = input.outcomes.iter().filter_map(|outcome| match outcome {
        StageOutcome::Completed(result) => Some((result.stage, result.duration_ms)),
        StageOutcome::Failed(_) => None,
    });
    let mut stage_duration_ms: Vec<(Stage, u64)> =
        std::iter::once((Stage::Preprocess, input.prepared.duration_ms))
            .chain(stages)
            .collect();
    stage_duration_ms.sort_unstable_by_key(|(stage, _)| *stage);
    Timings {
        requested_at: input.requested_at,
        started_at: input.started_at,
        finished_at: input.finished_at,
        stage_duration_ms,
    }
}

fn stage_reports(outcomes: Vec<StageOutcome>) -> Vec<StageReport> {
    let mut reports: Vec<StageReport> = outcomes.into_iter().map(StageReport::from).collect();
    reports.sort_by_key(|report| report.stage);
    reports
}

fn seconds_between(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    (to - from).num_milliseconds().max(0) as f64 / 1000.0
}

#[cfg(test)]
mod tests;
