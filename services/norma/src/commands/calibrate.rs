//! The thresholds that a site's studies allow, labelled or not, and what they promise.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use norma_accuracy::{
    Level, PredictiveValues, Proportion, SensitivityThreshold, ThresholdFit, predictive_values,
    threshold_for_sensitivity,
};
use norma_database::{Database, NewAuditEvent};
use norma_domain::OperatingPoint;
use norma_inference::Bundle;
use norma_service::Settings;
use norma_site::{
    Asked, FitMethod, LabelSource, LabelledSet, LabelledStudy, LeftOut, NothingProposed, Proposal,
    SITE_POINT, keep_proposal,
};
use serde::Serialize;

use super::blocking::block_on;
use super::installation::COMMAND_LINE;
use super::labelled::{AskDatabase, Labelling, Site, read_labels};
use super::percent::{percent, share_with};
use super::proposals::{labelled_fit, left_out, sentences};
use super::settings::operating_point;
use super::site_bundle::{file_without_scanner, write_bundle};
use super::terminal::{EXIT_PARTIAL, answer, tell};
use crate::command_line::{Calibrate, CalibrationFormat};

/// What was asked of labelled studies and what came out.
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
    /// Of the studies, those that do not tell their scanner in full: they count for no scanner by itself.
    without_scanner: usize,
    /// Of the studies, those that tell no patient: each counts as another patient's.
    without_patient: usize,
    left_out: BTreeMap<LeftOut, u64>,
    /// Of all scanners together: what it promises holds for such a mixture, and for no scanner by itself.
    fit: ThresholdFit,
    /// With 95 % confidence.
    specificity_interval: Option<[f64; 2]>,
    sensitivity_interval: Option<[f64; 2]>,
    predictive_values: Vec<PredictiveValues>,
    /// The threshold of each scanner by itself.
    by_scanner: Proposal,
}

/// Ends with exit code 2 where there are not enough cases.
pub(crate) fn run(config: Option<&Path>, arguments: &Calibrate) -> anyhow::Result<ExitCode> {
    let share = |name: &'static str, value: f64| Level::new(value).context(name);
    let asked = Asked {
        method: if arguments.unlabelled {
            FitMethod::Unlabelled
        } else {
            FitMethod::Labelled
        },
        target: share("--sensitivity", arguments.sensitivity)?,
        confidence: share("--confidence", arguments.confidence)?,
        maximal_prevalence: share("--maximal-prevalence", arguments.maximal_prevalence)?,
        newest: arguments.newest,
    };
    if arguments.unlabelled {
        return block_on(without_labels(config, arguments, asked));
    }
    let prevalences = arguments
        .prevalences
        .iter()
        .map(|value| share("--prevalence", *value))
        .collect::<anyhow::Result<Vec<Level>>>()?;
    block_on(with_labels(config, arguments, asked, &prevalences))
}

async fn without_labels(
    config: Option<&Path>,
    arguments: &Calibrate,
    asked: Asked,
) -> anyhow::Result<ExitCode> {
    let site = Site::open(config, &arguments.installation).await?;
    let in_use = operating_point(&site.settings, &site.bundle, None)?;
    let proposal = Proposal::of_site(&site.answers, &site.bundle, in_use, None, asked).await?;
    match arguments.format {
        CalibrationFormat::Json => {
            answer(&serde_json::to_string_pretty(&proposal).context("failed to write the proposal")?);
        }
        CalibrationFormat::Text => {
            let lines = sentences(&proposal).into_iter().chain(left_out(&proposal));
            lines.for_each(|line| answer(&line));
        }
    }
    if let Some(why) = proposal.nothing_proposed() {
        if arguments.write_bundle.is_some() || arguments.propose {
            tell(&format!("{}: nothing is written", why.told()));
        }
        return Ok(ExitCode::from(EXIT_PARTIAL));
    }
    if arguments.propose {
        keep(&site.database, &site.settings, &site.bundle, &proposal).await?;
    }
    write(arguments, &site.settings, &site.bundle, &proposal)?;
    Ok(ExitCode::SUCCESS)
}

async fn with_labels(
    config: Option<&Path>,
    arguments: &Calibrate,
    asked: Asked,
    prevalences: &[Level],
) -> anyhow::Result<ExitCode> {
    // A proposal is measured against the thresholds that act.
    let ask = if arguments.propose {
        AskDatabase::Always
    } else {
        AskDatabase::WhereScoresLack
    };
    let labels = read_labels(config, arguments.table.as_deref(), &arguments.installation, ask);
    let (labelling, set) = labels.await?;
    let Labelling {
        settings,
        bundle,
        database,
        ..
    } = &labelling;
    let in_use = operating_point(settings, bundle, None)?;
    let proposal = match database {
        Some((_, answers)) => {
            Proposal::of_site(answers, bundle, in_use.clone(), Some(set.clone()), asked).await?
        }
        None => Proposal::of_labels(&set, bundle, in_use.clone(), asked),
    };
    let report = calibrate(&set, asked, prevalences, proposal);
    match arguments.format {
        CalibrationFormat::Json => {
            answer(&serde_json::to_string_pretty(&report).context("failed to write the report")?);
        }
        CalibrationFormat::Text => {
            let lines = report.lines().into_iter().chain(labelling.whose_scores());
            lines.for_each(|line| answer(&line));
        }
    }
    let proposal = &report.by_scanner;
    if let Some(why) = proposal.nothing_proposed().filter(|_| arguments.propose) {
        tell(match why {
            NothingProposed::AlreadyInUse => {
                "the thresholds that the studies allow are already in use: nothing is proposed"
            }
            NothingProposed::NoBound => {
                "no scanner has the cases by itself, or the studies do not tell theirs: nothing is proposed"
            }
        });
        return Ok(ExitCode::from(EXIT_PARTIAL));
    }
    if arguments.propose {
        let (database, _) = database.as_ref().context("a proposal is kept in a database")?;
        keep(database, settings, bundle, proposal).await?;
    }
    match &report.fit {
        _ if proposal.proposes() => write(arguments, settings, bundle, proposal)?,
        ThresholdFit::Holds(held) if set.studies.iter().all(|study| study.profile.is_none()) => {
            write_without_scanner(arguments, settings, bundle, &in_use, held)?;
        }
        _ if arguments.write_bundle.is_some() => {
            tell(match proposal.nothing_proposed() {
                Some(NothingProposed::AlreadyInUse) => {
                    "the thresholds that the studies allow are already in use: no bundle is written"
                }
                Some(NothingProposed::NoBound) | None => {
                    "no scanner has the cases by itself: no bundle is written"
                }
            });
            return Ok(ExitCode::from(EXIT_PARTIAL));
        }
        _ => {}
    }
    Ok(match report.fit {
        ThresholdFit::Holds(_) => ExitCode::SUCCESS,
        ThresholdFit::NotEnoughCases { .. } => ExitCode::from(EXIT_PARTIAL),
    })
}

/// Keeps the proposal for an operator to decide on.
async fn keep(
    database: &Database,
    settings: &Settings,
    bundle: &Bundle,
    proposal: &Proposal,
) -> anyhow::Result<()> {
    let set_point = settings.analysis.operating_point.as_deref();
    let by = COMMAND_LINE.to_owned();
    let kept = keep_proposal(database, bundle, proposal, set_point, by).await?;
    let event = NewAuditEvent::of_system(COMMAND_LINE, "threshold_proposal.make");
    let event = event.about("threshold_proposal", kept.id);
    database.append_audit_events(vec![event]).await?;
    tell(&format!(
        "proposal {}: look at it with `norma proposals show`, then accept or decline it, here or in the page",
        kept.id
    ));
    Ok(())
}

fn write(
    arguments: &Calibrate,
    settings: &Settings,
    bundle: &Bundle,
    proposal: &Proposal,
) -> anyhow::Result<()> {
    let Some(path) = &arguments.write_bundle else {
        return Ok(());
    };
    let name = point_name(arguments, settings)?;
    let file = proposal
        .bundle_file(bundle, name)
        .context("the bundle has changed meanwhile")?;
    write_bundle(settings, path, &file)?;
    for profile in proposal
        .profiles
        .iter()
        .filter(|profile| profile.threshold.is_some())
    {
        if profile.labelled.is_some() {
            tell(&format!("verified on {}", profile.scanner));
        } else {
            tell(&format!("not verified on {}: that takes labels", profile.scanner));
        }
    }
    tell(
        "other scanners keep the thresholds of the bundle that it was made from; it acts once the setting models.bundle names it, and \
         the bundle in use stays as it is, to go back to",
    );
    Ok(())
}

fn write_without_scanner(
    arguments: &Calibrate,
    settings: &Settings,
    bundle: &Bundle,
    in_use: &OperatingPoint,
    held: &SensitivityThreshold,
) -> anyhow::Result<()> {
    let Some(path) = &arguments.write_bundle else {
        return Ok(());
    };
    let file = file_without_scanner(bundle, in_use, point_name(arguments, settings)?, held)?;
    write_bundle(settings, path, &file)?;
    tell(
        "verified on no scanner: the studies do not tell theirs; reports go on saying that the threshold is not verified",
    );
    Ok(())
}

fn point_name<'a>(arguments: &'a Calibrate, settings: &Settings) -> anyhow::Result<&'a str> {
    let name = arguments.operating_point.as_deref().unwrap_or(SITE_POINT);
    let set = settings.analysis.operating_point.as_ref();
    if set.is_some_and(|set| set != name) {
        bail!(
            "the setting analysis.operating_point names another operating point, which would stay in use: clear it first"
        );
    }
    Ok(name)
}

fn calibrate(
    set: &LabelledSet,
    asked: Asked,
    prevalences: &[Level],
    by_scanner: Proposal,
) -> CalibrationReport {
    let Asked {
        target, confidence, ..
    } = asked;
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
        without_scanner: scored(set, |study| study.profile.is_none()),
        without_patient: scored(set, |study| study.patient.is_none()),
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
        by_scanner,
    }
}

fn scored(set: &LabelledSet, is: impl Fn(&LabelledStudy) -> bool) -> usize {
    let scored = set.studies.iter().filter(|study| study.score.is_some());
    scored.filter(|study| is(study)).count()
}

impl CalibrationReport {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.headline()];
        if let ThresholdFit::Holds(held) = &self.fit {
            lines.push(format!(
                "  found {} of {} pathologies: {}",
                held.sensitivity.successes(),
                held.sensitivity.trials(),
                share_with(held.sensitivity.value(), self.sensitivity_interval)
            ));
            if self.norms == 0 {
                lines.push("  no norm is among the studies: what it releases is not known".to_owned());
            }
            lines.extend(self.predictive_values.iter().map(|values| {
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
                lines.push(format!(
                    "not counted: {count} {label} with an undetermined answer"
                ));
            }
        }
        lines.extend(
            self.left_out
                .iter()
                .map(|(why, count)| format!("left out: {count} {}", why.told())),
        );
        if self.without_patient > 0 {
            lines.push(format!(
                "{} studies tell no patient: each counts as another patient's, and where a patient has several the bound is too good",
                self.without_patient
            ));
        }
        if self.without_scanner > 0 {
            lines.push(format!(
                "{} studies do not tell their scanner in full (manufacturer, model, kernel, slice_thickness_mm, contrast): they count for no \
                 scanner by itself",
                self.without_scanner
            ));
        }
        if self.label_source == LabelSource::Feedback {
            lines.push(
                "the labels are what readers said of answers: it holds for studies like those that were judged, which are \
                 rarely like all"
                    .to_owned(),
            );
        }
        if !self.by_scanner.profiles.is_empty() {
            lines.push("each scanner by itself:".to_owned());
            let of_scanners = sentences(&self.by_scanner);
            lines.extend(of_scanners.into_iter().map(|line| format!("  {line}")));
        }
        lines.push(
            "holds for further studies drawn as these were; another scanner or other patients are not in it"
                .to_owned(),
        );
        lines
    }

    fn headline(&self) -> String {
        labelled_fit(
            &self.fit,
            self.target_sensitivity.value(),
            self.confidence.value(),
        )
    }
}
