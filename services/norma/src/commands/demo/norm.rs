//! The demonstration's bundle: the installed one, with its norm fitted to generated norm phantoms. To models that learnt
//! people, every phantom is unlike the norm that they know; this is what a site does for its own scanners.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf, absolute};

use anyhow::Context as _;
use norma_inference::Bundle;
use norma_phantom::{PhantomOptions, phantom_zip};
use norma_service::Settings;

use super::studies;
use crate::commands::fit_norm;
use crate::commands::terminal::tell;

const MODEL: &str = "phantom-norm";
/// Names the bundle that the norm was fitted to.
const FITTED_TO: &str = "fitted-to";
/// Norm phantoms: a few more than the fit needs, so that the first minutes are not spent here.
const NORM_STUDIES: u64 = 14;
/// Of the norm phantoms; the studies that are shown have other ones, so they are other people.
const FIRST_SEED: u64 = 1000;

/// The bundle to serve with, fitted unless it was fitted to the same bundle before.
pub(super) fn fitted_bundle(settings: &Settings, folder: &Path) -> anyhow::Result<PathBuf> {
    let installed = Bundle::load(&settings.models.bundle).context("failed to load the model bundle")?;
    let models = folder.join("models");
    let bundle = models.join(format!("bundle-{MODEL}.yaml"));
    let mark = models.join(FITTED_TO);
    let sha256 = &installed.reference().sha256;
    if bundle.exists() && fs::read_to_string(&mark).is_ok_and(|fitted_to| fitted_to == *sha256) {
        return Ok(bundle);
    }
    if models.exists() {
        fs::remove_dir_all(&models).context("failed to remove the demonstration's old models")?;
    }
    link_models(&settings.models.bundle, &models)?;

    let scratch = tempfile::tempdir().context("failed to make a scratch folder")?;
    tell(&format!(
        "fitting the norm to {NORM_STUDIES} generated norm phantoms, as `norma models fit-norm` does with a site's own"
    ));
    for number in 0..NORM_STUDIES {
        let options = PhantomOptions {
            seed: FIRST_SEED + number,
            ..studies::options()
        };
        phantom_zip(&options, &scratch.path().join(format!("norm-{number:02}.zip")))
            .context("failed to write a phantom")?;
    }
    let studies = [scratch.path().to_owned()];
    fit_norm::fit(settings, &studies, None, &models.join(MODEL))?;
    fs::write(&mark, sha256).context("failed to write beside the models")?;
    Ok(bundle)
}

/// A models folder that holds every installed model: the fitted bundle names them as its neighbours.
fn link_models(bundle: &Path, models: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(models).with_context(|| format!("failed to make {}", models.display()))?;
    let bundle = absolute(bundle).context("failed to resolve the bundle's place")?;
    let installed = if bundle.is_dir() {
        bundle.as_path()
    } else {
        bundle.parent().unwrap_or(&bundle)
    };
    for entry in fs::read_dir(installed).context("failed to list the installed models")? {
        let path = entry.context("failed to list the installed models")?.path();
        // A model, or a network that several models share.
        let is_model = ["manifest.yaml", "model.onnx"]
            .iter()
            .any(|file| path.join(file).is_file());
        if let (true, Some(name)) = (is_model, path.file_name()) {
            symlink(&path, models.join(name)).context("failed to link an installed model")?;
        }
    }
    Ok(())
}
