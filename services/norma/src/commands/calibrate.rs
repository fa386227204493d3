//! The threshold that a site's labelled studies allow, and what it promises.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use norma_accuracy::{
    Level, PredictiveValues, Proportion, SensitivityThreshold, ThresholdFit, predictive_values,
    threshold_for_sensitivity,
};
use serde::Serialize;

use super::labelled::{LabelSource, LabelledSet, LeftOut};
use super::percent::{percent, share_with};
use super::site_bundle::{Measured, write_site_bundle};
use super::terminal::{EXIT_PARTIAL, answer};
use super::unlabelled;
use crate::command_line::{Calibrate, CalibrationFormat};

/// What was asked and what came out.
#[derive(Debug, Serialize)]
struct CalibrationReport {
    schema: &'static str,
    label_source: LabelSource,
    target_sensitivity: Level,
    confidence: Level,
    /// Studies that the figures rest on: one per patient and label, with a score.
    studies: usize,
    pathologies: usize,
    norms: usize,
    undetermined_pathologies: usize,
    undetermined_norms: usize,
    left_out: BTreeMap<LeftOut, u64>,
    fit: ThresholdFit,
    /// With 95 % confidence.
    specificity_interval: Option<[f64; 2]>,
    sensitivity_interval: Option<[f64; 2]>,
    predictive_values: Vec<PredictiveValues>,
}

/// Ends with exit code 2 where there are not enough cases.
pub(crate) fn run(config: Option<&Path>, arguments: &Calibrate) -> anyhow::Result<ExitCode> {
    let share = |name: &'static str, value: f64| Level::new(value).context(name);
    let target = share("--sensitivity", arguments.sensitivity)?;
    let confidence = share("--confidence", arguments.confidence)?;
    if arguments.unlabelled {
        let maximal_prevalence = share("--maximal-prevalence", arguments.maximal_prevalence)?;
        let asked = unlabelled::Asked {
            target,
            confidence,
            maximal_prevalence,
        };
        return unlabelled::run(config, arguments, asked);
    }
    let prevalences = arguments
        .prevalences
        .iter()
        .map(|value| share("--prevalence", *value))
        .collect::<anyhow::Result<Vec<Level>>>()?;
    let set = LabelledSet::read(config, arguments.table.as_deref(), &arguments.installation)?;
    let report = calibrate(&set, target, confidence, &prevalences);
    match arguments.format {
        CalibrationFormat::Json => {
            answer(&serde_json::to_string_pretty(&report).context("failed to write the report")?);
        }
        CalibrationFormat::Text => report.sentences().iter().for_each(|sentence| answer(sentence)),
    }
    if let (Some(path), ThresholdFit::Holds(held)) = (&arguments.write_bundle, &report.fit) {
        let measured = Measured {
            held,
            target,
            confidence,
        };
        write_site_bundle(config, path, &arguments.operating_point, &set, &measured)?;
    }
    Ok(match report.fit {
        ThresholdFit::Holds(_) => ExitCode::SUCCESS,
        ThresholdFit::NotEnoughCases { .. } => ExitCode::from(EXIT_PARTIAL),
    })
}

fn calibrate(
    set: &LabelledSet,
    target: Level,
    confidence: Level,
    prevalences: &[Level],
) -> CalibrationReport {
    let studies = set.scored();
    let fit = threshold_for_sensitivity(&studies, target, confidence);
    let held = match &fit {
        ThresholdFit::Holds(held) => Some(held),
        ThresholdFit::NotEnoughCases { .. } => None,
    };
    let interval = |of: fn(&SensitivityThreshold) -> Proportion| of(held?).interval(Level::NINETY_FIVE);
    let pathologies = studies.iter().filter(|study| study.pathology()).count();
    CalibrationReport {
        schema: "norma.calibration/v1",
        label_source: set.source,
        target_sensitivity: target,
        confidence,
        studies: studies.len(),
        pathologies,
        norms: studies.len() - pathologies,
        undetermined_pathologies: set.undetermined(true),
        undetermined_norms: set.undetermined(false),
        left_out: set.left_out.clone(),
        specificity_interval: interval(|held| held.specificity),
        sensitivity_interval: interval(|held| held.sensitivity),
        predictive_values: held
            .into_iter()
            .flat_map(|held| {
                prevalences.iter().filter_map(|prevalence| {
                    predictive_values(
                        held.sensitivity,
                        held.specificity,
                        *prevalence,
                        Level::NINETY_FIVE,
                    )
                })
            })
            .collect(),
        fit,
    }
}

impl CalibrationReport {
    fn sentences(&self) -> Vec<String> {
        let mut sentences = vec![self.headline()];
        if let ThresholdFit::Holds(held) = &self.fit {
            sentences.push(format!(
                "  found {} of {} pathologies: {}",
                held.sensitivity.successes(),
                held.sensitivity.trials(),
                share_with(held.sensitivity.value(), self.sensitivity_interval)
            ));
            if self.norms == 0 {
                sentences.push("  no norm is among the studies: what it releases is not known".to_owned());
            }
            sentences.extend(self.predictive_values.iter().map(|values| {
                format!(
                    "  where {} of studies are pathology: of those called norm {} are norm, of those called pathology {} are \
                     pathology",
                    percent(values.prevalence),
                    share_with(values.negative, values.negative_interval),
                    share_with(values.positive, values.positive_interval)
                )
            }));
        }
        for (count, label) in [
            (self.undetermined_pathologies, "pathologies"),
            (self.undetermined_norms, "norms"),
        ] {
            if count > 0 {
                sentences.push(format!(
                    "not counted: {count} {label} with an undetermined answer"
                ));
            }
        }
        sentences.extend(
            self.left_out
                .iter()
                .map(|(why, count)| format!("left out: {count} {}", why.told())),
        );
        if self.label_source == LabelSource::Feedback {
            sentences.push(
                "the labels are what readers said of answers: it holds for studies like those that were judged, which are \
                 rarely like all"
                    .to_owned(),
            );
        }
        sentences.push(
            "holds for further studies drawn as these were; another scanner or other patients are not in it"
                .to_owned(),
        );
        sentences
    }

    fn headline(&self) -> String {
        match &self.fit {
            ThresholdFit::NotEnoughCases {
                positives_needed,
                positives,
            } => format!(
                "not enough cases: {positives_needed} positives without a miss are needed, {positives} are there"
            ),
            ThresholdFit::Holds(held) => format!(
                "sensitivity >= {} with confidence {} at threshold {}: releases {} of norms; n = {}",
                percent(self.target_sensitivity.value()),
                percent(self.confidence.value()),
                held.threshold,
                share_with(held.specificity.value(), self.specificity_interval),
                self.studies
            ),
        }
    }
}
