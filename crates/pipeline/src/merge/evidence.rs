//! What the measures in Hounsfield units do to the verdict, and what a verdict of pathology rests on.

use norma_domain::{
    Ground, LookedFor, MeasureCode, MeasureState, MeasuredFinding, PathologyType, Probability,
    Quantification, Reason, ReasonCode, StageResult, TypeCoverage, Verdict,
};

use super::doubts::Doubts;

/// Without these nobody can say that the lungs are norm.
const NEEDED_FOR_NORM: [MeasureCode; 2] = [MeasureCode::LargestOpacity, MeasureCode::LowAttenuation950];
/// Findings named as grounds at most.
const MOST_FINDINGS: usize = 3;

/// Why the measures leave a norm unsaid: there are none, or one that norm needs could not be taken.
pub(super) fn doubts(quantification: Option<&Quantification>) -> Option<Reason> {
    let Some(quantification) = quantification else {
        return Some(Reason::new(
            ReasonCode::MeasuresMissing,
            "the study was prepared without measures; analyse it again",
        ));
    };
    let is_missing = |code: &MeasureCode| {
        quantification
            .measure(*code)
            .is_none_or(|measure| measure.state == MeasureState::NotMeasurable)
    };
    NEEDED_FOR_NORM.iter().any(is_missing).then(|| {
        Reason::new(
            ReasonCode::MeasuresMissing,
            "opacities or low attenuation could not be measured, so that norm cannot be said",
        )
    })
}

/// The models' verdict and the measures together. A measure outside its range, or a nodule that decides, is pathology,
/// whatever the models say and whatever else was not seen; on a volume that is not to be trusted nothing is said. They
/// never make a norm.
pub(super) fn join(by_models: Verdict, doubts: &Doubts, quantification: Option<&Quantification>) -> Verdict {
    let is_shown = quantification.is_some_and(Quantification::is_pathology);
    if is_shown && doubts.forbidding.is_empty() {
        Verdict::Pathology
    } else {
        by_models
    }
}

/// What pathology rests on: measured components first, then measures without one, then the models' probability.
pub(super) fn grounds(
    quantification: Option<&Quantification>,
    probability: Option<Probability>,
    threshold: Probability,
) -> Vec<Ground> {
    let mut grounds = Vec::new();
    if let Some(measured) = quantification {
        let findings: Vec<&MeasuredFinding> = deciding_findings(measured).collect();
        grounds.extend(named_findings(measured).map(|finding| Ground::Finding {
            finding: finding.clone(),
        }));
        for measure in measured.deciding() {
            let shown = measure.code.shows();
            let limit = measure.range.as_ref().and_then(|range| range.high);
            if let (Some(value), Some(limit)) = (measure.value, limit)
                && !findings.iter().any(|finding| Some(finding.pathology) == shown)
            {
                grounds.push(Ground::Measure {
                    code: measure.code,
                    value,
                    unit: measure.unit.clone(),
                    limit,
                });
            }
        }
    }
    if let Some(probability) = probability.filter(|probability| *probability >= threshold) {
        grounds.push(Ground::Score {
            probability: probability.value(),
            threshold: threshold.value(),
        });
    }
    grounds
}

/// Components that are pathology by themselves, in the order of the measures.
pub(super) fn deciding_findings(quantification: &Quantification) -> impl Iterator<Item = &MeasuredFinding> {
    quantification.findings.iter().filter(|finding| finding.decides)
}

/// Those of them that a report names.
pub(super) fn named_findings(quantification: &Quantification) -> impl Iterator<Item = &MeasuredFinding> {
    deciding_findings(quantification).take(MOST_FINDINGS)
}

/// How each pathology type was looked for: by a measure that could be taken, by a label of the typing model that
/// answered, by both or not at all.
pub(super) fn coverage(
    quantification: Option<&Quantification>,
    typing: Option<&StageResult>,
) -> Vec<TypeCoverage> {
    PathologyType::ALL
        .into_iter()
        .map(|pathology| {
            let is_measured = quantification.is_some_and(|measured| measured.has_looked_for(pathology));
            let is_learnt = typing.is_some_and(|typing| {
                typing
                    .findings
                    .iter()
                    .any(|finding| finding.label == pathology.as_str())
            });
            let looked_for = match (is_measured, is_learnt) {
                (true, true) => LookedFor::Both,
                (true, false) => LookedFor::Measured,
                (false, true) => LookedFor::Learnt,
                (false, false) => LookedFor::NotLookedFor,
            };
            TypeCoverage {
                pathology,
                looked_for,
            }
        })
        .collect()
}
