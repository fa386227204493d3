//! A bundle whose default operating point is the one that a site measured.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use norma_accuracy::{Level, Proportion, SensitivityThreshold};
use norma_domain::{OperatingPointName, Probability, ScannerProfile};
use norma_inference::{Bundle, Figure, MeasuredOn, OperatingPointFigures};

use super::labelled::{LabelledSet, LabelledStudy};
use super::settings::{models_folder, settings};
use super::terminal::tell;

/// What was measured, and what it promises.
pub(super) struct Measured<'a> {
    pub(super) held: &'a SensitivityThreshold,
    pub(super) target: Level,
    pub(super) confidence: Level,
}

/// Writes the bundle beside the one in use, whose models it names.
pub(super) fn write_site_bundle(
    config: Option<&Path>,
    path: &Path,
    name: &str,
    set: &LabelledSet,
    measured: &Measured<'_>,
) -> anyhow::Result<()> {
    let held = measured.held;
    let scanners = measured_scanners(&set.studies, measured);
    let point = OperatingPointFigures {
        name: OperatingPointName(name.to_owned()),
        threshold: Probability::new(held.threshold).context("the threshold is no probability")?,
        sensitivity: Some(figure(held.sensitivity)),
        specificity: Some(figure(held.specificity)),
        measured_on: Some(MeasuredOn {
            sources: vec![format!(
                "{} labelled studies of the site",
                held.sensitivity.trials() + held.specificity.trials()
            )],
            scanners: scanners.clone(),
        }),
    };
    write_bundle_with(config, path, point)?;
    for scanner in &scanners {
        tell(&format!("verified on {scanner}"));
    }
    if scanners.is_empty() {
        tell(
            "verified on no scanner: no scanner profile has the cases by itself, or the studies do not tell theirs; reports go on \
             saying that the threshold is not verified",
        );
    }
    Ok(())
}

/// Writes the bundle in use with another default operating point beside it.
pub(super) fn write_bundle_with(
    config: Option<&Path>,
    path: &Path,
    point: OperatingPointFigures,
) -> anyhow::Result<()> {
    let settings = settings(config)?;
    let bundle = Bundle::load(&settings.models.bundle).context("failed to load the model bundle")?;
    let models = models_folder(&settings);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let resolved = |folder: &Path| {
        folder
            .canonicalize()
            .context("failed to resolve the bundle's folder")
    };
    ensure!(
        resolved(folder.unwrap_or(Path::new(".")))? == resolved(models)?,
        "a bundle stands beside the folders of its models: name a file in {}",
        models.display()
    );
    ensure!(!path.exists(), "{} exists already", path.display());
    // A bundle refuses a threshold of 0, at which nothing is norm.
    ensure!(
        point.threshold.value() > 0.0,
        "at threshold 0 nothing is norm: no bundle is written"
    );
    let file = bundle.file().with_site_point(point);
    file.write(path).context("failed to write the bundle")?;
    tell(&format!("{} {}: {}", file.name, file.version, path.display()));
    Ok(())
}

/// The profiles whose own pathologies bound the sensitivity at the threshold. A bound over a mixture promises nothing of each.
fn measured_scanners(studies: &[LabelledStudy], measured: &Measured<'_>) -> Vec<ScannerProfile> {
    let mut found: BTreeMap<&ScannerProfile, Vec<bool>> = BTreeMap::new();
    for study in studies {
        if let (Some(profile), Some(scored)) = (&study.profile, study.scored())
            && scored.pathology()
        {
            let reaches = scored.reaches(measured.held.threshold);
            found.entry(profile).or_default().push(reaches);
        }
    }
    found
        .into_iter()
        .filter(|(_, reach)| {
            let bound = Proportion::counted(reach, |reaches| **reaches).lower_bound(measured.confidence);
            bound.is_some_and(|bound| bound >= measured.target.value())
        })
        .map(|(profile, _)| profile.clone())
        .collect()
}

fn figure(proportion: Proportion) -> Figure {
    Figure {
        value: proportion.value(),
        ci95: proportion
            .interval(Level::NINETY_FIVE)
            .map(|interval| interval.map(Some)),
    }
}
