//! A bundle whose default operating point holds what a site measured, as a file beside the one in use.

use std::path::Path;

use anyhow::{Context as _, ensure};
use norma_accuracy::SensitivityThreshold;
use norma_domain::{OperatingPoint, OperatingPointName, Probability};
use norma_inference::{Bundle, BundleFile, MeasuredOn};
use norma_service::Settings;
use norma_site::MeasuredFigures;

use super::settings::models_folder;
use super::terminal::tell;

/// Writes the file where the models lie that it names.
pub(super) fn write_bundle(settings: &Settings, path: &Path, file: &BundleFile) -> anyhow::Result<()> {
    let models = models_folder(settings);
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
    file.write(path).context("failed to write the bundle")?;
    tell(&format!("{} {}: {}", file.name, file.version, path.display()));
    Ok(())
}

/// A bundle with the threshold of labelled studies that do not tell their scanner. It acts on every scanner that has no threshold of its
/// own, so it is never higher than the one in use: on the others it would miss more than anybody knows.
pub(super) fn file_without_scanner(
    bundle: &Bundle,
    in_use: &OperatingPoint,
    name: &str,
    held: &SensitivityThreshold,
) -> anyhow::Result<BundleFile> {
    ensure!(
        held.threshold <= in_use.threshold.value(),
        "the labelled studies do not tell their scanner, and the threshold would be higher than the one in use on every scanner: add \
         the columns manufacturer, model, kernel, slice_thickness_mm and contrast_agent, or name studies that are in the database"
    );
    let threshold = Probability::new(held.threshold).context("the threshold is no probability")?;
    // A bundle refuses a threshold of 0, at which nothing is norm.
    ensure!(
        threshold.value() > 0.0,
        "at threshold 0 nothing is norm: no bundle is written"
    );
    let point = bundle
        .figures_of(&in_use.name)
        .context("the bundle has no such operating point")?;
    let mut point = point.with_scanner_thresholds(OperatingPointName(name.to_owned()), Vec::new());
    point.threshold = threshold;
    let measured = MeasuredFigures::of(held);
    point.sensitivity = Some(measured.sensitivity);
    point.specificity = Some(measured.specificity);
    point.measured_on = Some(MeasuredOn {
        sources: vec![measured.sources],
        scanners: Vec::new(),
    });
    Ok(bundle.file().with_site_point(point))
}
