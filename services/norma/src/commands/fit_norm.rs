//! A memory of norm patches from a site's own norm studies.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use norma_domain::{PreparedSummary, QualityConsequence, Reason, ReasonCode, Stage};
use norma_inference::{
    Bundle, FitNormOptions, FittedNorm, NormFitter, Slices, StageModels, new_version, sha256_of_bytes,
};
use norma_service::Settings;
use norma_volume::PreparedSlices;

use super::agreed_norms::AgreedNorms;
use super::reading::Preparer;
use super::settings::{settings, start_runtime};
use super::terminal::{answer, tell};
use crate::command_line::FitNorm;

/// Version of a model that was just fitted; each gets its own from it.
const FIRST_VERSION: &str = "1.0.0";

pub(crate) fn run(config: Option<&Path>, arguments: &FitNorm) -> anyhow::Result<ExitCode> {
    let settings = settings(config)?;
    check_free(&arguments.out)?;
    let agreed = arguments
        .agreed
        .then(|| AgreedNorms::find(config, &arguments.installation))
        .transpose()?;
    fit(&settings, &arguments.studies, agreed.as_ref(), &arguments.out)?;
    Ok(ExitCode::SUCCESS)
}

/// The new model's name, and the place of the bundle that names it.
fn check_free(out: &Path) -> anyhow::Result<(&str, PathBuf)> {
    let name = out
        .file_name()
        .and_then(|name| name.to_str())
        .context("--out names no folder")?;
    let models_folder = out.parent().context("--out has no folder above it")?;
    let bundle_path = models_folder.join(format!("bundle-{name}.yaml"));
    for path in [out, &bundle_path] {
        ensure!(
            !path.exists(),
            "{} exists already; nothing is overwritten",
            path.display()
        );
    }
    Ok((name, bundle_path))
}

/// Fits the norm of the studies at these paths, and of those that readers agreed on, and writes model and bundle.
pub(crate) fn fit(
    settings: &Settings,
    paths: &[PathBuf],
    agreed: Option<&AgreedNorms>,
    out: &Path,
) -> anyhow::Result<()> {
    let (name, bundle_path) = check_free(out)?;
    let bundle = Bundle::load(&settings.models.bundle).context("failed to load the model bundle")?;
    let runtime = start_runtime(settings)?;
    let models = StageModels::open(&bundle, &runtime, &[Stage::Anomaly, Stage::Classifier])
        .context("failed to open the models")?;
    let mut fitter = NormFitter::new(&bundle, &models, FitNormOptions::default())?;
    let base = fitter.base();

    let preparer = Preparer::new(settings);
    let mut names = Vec::new();
    let mut intake = Intake::default();
    let mut take = |prepared: Result<(PreparedSummary, PreparedSlices), Reason>, told: &str| {
        let (summary, prepared) = match prepared {
            Ok(prepared) => prepared,
            Err(reason) => {
                intake.unreadable += 1;
                tell(&format!("left out: {told}: {reason}"));
                return anyhow::Ok(());
            }
        };
        if let Err(why) = intake.take(&summary, &prepared) {
            tell(&format!("left out: {told}: {why}"));
            return Ok(());
        }
        let slices = Slices::new(&prepared.pixels, &prepared.lung_mask)
            .context("the prepared slices do not fit together")?;
        fitter
            .add(&slices)
            .with_context(|| format!("failed to read {told}"))?;
        // The manifest names studies by UID: a path may hold a patient's name.
        let uid = summary.study.study_instance_uid.map(|uid| uid.to_string());
        names.push(uid.unwrap_or_else(|| format!("study {}", names.len() + 1)));
        tell(&format!("{}: {told}", names.len()));
        Ok(())
    };
    for path in paths {
        for study in preparer.studies(path)? {
            let study = study?;
            take(study.prepared, &study.path)?;
        }
    }
    if let Some(agreed) = agreed {
        for scan in &agreed.scans {
            let told = format!("scan {scan}");
            let Some(file) = agreed.fetch(*scan)? else {
                let words = "its files are not in the object storage";
                take(Err(Reason::new(ReasonCode::ObjectMissing, words)), &told)?;
                continue;
            };
            for study in preparer.studies(&file)? {
                take(study?.prepared, &told)?;
            }
        }
    }

    intake.tell();
    let fitted = fitter.finish(|_| {})?;
    fitted.write_model(base, out, &new_version(FIRST_VERSION), &names)?;
    bundle
        .file()
        .with_site_norm(&base.manifest.name, name, &fitted)
        .write(&bundle_path)?;
    answer(&format!(
        "model {} from {} norm studies",
        out.display(),
        fitted.studies()
    ));
    tell_rates(&fitted, &bundle);
    tell_doubtful(&fitted, &bundle, &names);
    if !fitted.is_recommended() {
        answer(&format!(
            "fewer than {} studies: look at the interval before relying on it",
            norma_inference::RECOMMENDED_NORM_STUDIES
        ));
    }
    answer(&format!(
        "bundle {}: its other models must lie beside it; use it with NORMA__MODELS__BUNDLE",
        bundle_path.display()
    ));
    Ok(())
}

/// Which studies become a site's norm: a study that would get no verdict is none, and one that counts twice makes the norm
/// narrower than it is.
#[derive(Debug, Default)]
struct Intake {
    study_uids: HashSet<String>,
    /// SHA-256 of the prepared slices: a copy under another UID is a copy.
    pixels: HashSet<String>,
    unreadable: usize,
    failed_checks: usize,
    doubles: usize,
}

impl Intake {
    /// Notes a study, or says why it is left out.
    fn take(&mut self, summary: &PreparedSummary, prepared: &PreparedSlices) -> Result<(), String> {
        let failed: Vec<String> = summary
            .quality
            .iter()
            .filter(|check| !check.passed && check.consequence != QualityConsequence::Note)
            .map(|check| format!("{} ({})", check.message, check.code))
            .collect();
        if !failed.is_empty() {
            self.failed_checks += 1;
            return Err(format!("it fails a quality check: {}", failed.join("; ")));
        }
        let pixels: Vec<u8> = prepared.pixels.iter().copied().collect();
        let study_uid = summary.study.study_instance_uid.as_ref().map(ToString::to_string);
        let is_known = study_uid
            .as_ref()
            .is_some_and(|uid| self.study_uids.contains(uid));
        let is_new = self.pixels.insert(sha256_of_bytes(&pixels));
        if is_known || !is_new {
            self.doubles += 1;
            return Err("it is a study that is among them already".to_owned());
        }
        self.study_uids.extend(study_uid);
        Ok(())
    }

    fn tell(&self) {
        if self.unreadable > 0 {
            answer(&format!(
                "left out {} that cannot be read",
                studies(self.unreadable)
            ));
        }
        if self.failed_checks > 0 {
            answer(&format!(
                "left out {} that failed a quality check",
                studies(self.failed_checks)
            ));
        }
        if self.doubles > 0 {
            answer(&format!("left out {} that came twice", studies(self.doubles)));
        }
    }
}

fn studies(count: usize) -> String {
    format!("{count} {}", if count == 1 { "study" } else { "studies" })
}

/// The studies that even the least sensitive operating point calls pathology, the most suspicious first: are they norm?
fn tell_doubtful(fitted: &FittedNorm, bundle: &Bundle, names: &[String]) {
    let points = bundle.operating_points().iter();
    let highest = points.map(|point| point.threshold.value()).fold(0.0, f64::max);
    let probabilities = fitted.leave_one_out_probabilities.iter();
    let mut doubtful: Vec<(f64, &String)> = probabilities
        .map(|probability| probability.value())
        .zip(names)
        .filter(|(probability, _)| *probability >= highest)
        .collect();
    doubtful.sort_by(|left, right| right.0.total_cmp(&left.0));
    for (probability, name) in doubtful {
        answer(&format!(
            "look again whether {name} is norm: probability of pathology {probability:.3}"
        ));
    }
}

/// How often the bundle would call the site's norm pathology, at each operating point.
fn tell_rates(fitted: &FittedNorm, bundle: &Bundle) {
    answer("norm studies that it would call pathology, each judged by what was fitted without it:");
    let default = bundle.default_operating_point().name;
    for found in &fitted.false_positives {
        let rate = found.rate;
        let mark = if found.operating_point == default {
            " (default)"
        } else {
            ""
        };
        answer(&format!(
            "  {}{mark}: false-positive rate {:.3} (95 % interval {:.3} to {:.3})",
            found.operating_point, rate.value, rate.ci95[0], rate.ci95[1]
        ));
    }
}
