//! A memory of norm patches from a site's own norm studies.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use norma_domain::Stage;
use norma_inference::{Bundle, FitNormOptions, InstalledModel, NormFitter, Slices, StageModels, Task};

use super::reading::Preparer;
use super::{answer, settings, start_runtime, tell};
use crate::command_line::FitNorm;

/// Version of a model that was just fitted.
const FIRST_VERSION: &str = "1.0.0";

pub(crate) fn run(config: Option<&Path>, arguments: &FitNorm) -> anyhow::Result<ExitCode> {
    let out = &arguments.out;
    ensure!(
        !out.exists(),
        "{} exists already; nothing is overwritten",
        out.display()
    );
    let name = out
        .file_name()
        .and_then(|name| name.to_str())
        .context("--out names no folder")?;
    let models_folder = out.parent().context("--out has no folder above it")?;
    let settings = settings(config)?;
    let bundle = Bundle::load(&settings.models.bundle).context("failed to load the model bundle")?;
    let base = only_patch_memory(&bundle)?;
    let runtime = start_runtime(&settings)?;
    let models =
        StageModels::open(&bundle, &runtime, &[Stage::Anomaly]).context("failed to open the models")?;
    let model = models
        .anomaly()
        .and_then(|anomaly| {
            anomaly
                .models
                .iter()
                .find(|model| model.manifest().task == Task::PatchMemory)
        })
        .context("the memory of norm patches is not open")?;
    let score_threshold = bundle
        .anomaly_score_at(&bundle.default_operating_point())
        .context("no anomaly score alone reaches the bundle's operating point; bounds cannot be set")?;
    let options = FitNormOptions {
        score_threshold,
        ..FitNormOptions::default()
    };
    let mut fitter = NormFitter::new(model, options)?;

    let preparer = Preparer::new(&settings);
    let mut names = Vec::new();
    for path in &arguments.studies {
        for study in preparer.studies(path)? {
            let study = study?;
            let path = study.path;
            let (summary, prepared) = match study.prepared {
                Ok(prepared) => prepared,
                Err(reason) => {
                    tell(&format!("left out: {path}: {reason}"));
                    continue;
                }
            };
            let slices = Slices::new(&prepared.pixels, &prepared.lung_mask)
                .context("the prepared slices do not fit together")?;
            fitter
                .add(&slices)
                .with_context(|| format!("failed to read {path}"))?;
            // The manifest names studies by UID: a path may hold a patient's name.
            let uid = summary.study.study_instance_uid.map(|uid| uid.to_string());
            names.push(uid.unwrap_or_else(|| format!("study {}", names.len() + 1)));
            tell(&format!("{}: {path}", names.len()));
        }
    }

    let fitted = fitter.finish(|_| {})?;
    fitted.write_model(base, out, FIRST_VERSION, &names)?;
    let bundle_path = models_folder.join(format!("bundle-{name}.yaml"));
    ensure!(
        !bundle_path.exists(),
        "{} exists already; nothing is overwritten",
        bundle_path.display()
    );
    bundle
        .file()
        .with_site_norm(&base.manifest.name, name, name)
        .write(&bundle_path)?;
    let rate = fitted.false_positives;
    answer(&format!(
        "model {} from {} norm studies",
        out.display(),
        fitted.studies()
    ));
    answer(&format!(
        "leave-one-study-out false-positive rate {:.3} (95 % interval {:.3} to {:.3})",
        rate.value, rate.ci95[0], rate.ci95[1]
    ));
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
    Ok(ExitCode::SUCCESS)
}

/// The model whose memory is fitted. Of several no one's false-positive rate would be the bundle's.
fn only_patch_memory(bundle: &Bundle) -> anyhow::Result<&InstalledModel> {
    let mut memories = bundle
        .anomaly()
        .iter()
        .filter(|model| model.manifest.task == Task::PatchMemory);
    let base = memories
        .next()
        .context("the bundle has no memory of norm patches to fit")?;
    let others = memories.count();
    ensure!(
        others == 0,
        "bundle {} combines {} memories of norm patches; fit a site's norm from one with a single memory, as the shipped one",
        bundle.reference().name,
        others + 1
    );
    Ok(base)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_bundle_of_two_memories_is_no_base() {
        let fixture =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/inference/tests/fixtures/bundle");
        let bundle = Bundle::load(&fixture).unwrap();
        assert_eq!(only_patch_memory(&bundle).unwrap().manifest.name, "patch-memory");

        let folder = tempfile::tempdir().unwrap();
        for name in ["patch-memory", "second-memory", "classifier", "typing"] {
            let from = fixture.join(name.replace("second-memory", "patch-memory"));
            fs::create_dir(folder.path().join(name)).unwrap();
            for file in fs::read_dir(from).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), folder.path().join(name).join(file.file_name())).unwrap();
            }
        }
        let manifest = folder.path().join("second-memory/manifest.yaml");
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(
            &manifest,
            text.replace("name: patch-memory", "name: second-memory"),
        )
        .unwrap();
        let text = fs::read_to_string(fixture.join("bundle.yaml")).unwrap();
        let text = text.replace("  - autoencoder\n", "  - second-memory\n");
        fs::write(folder.path().join("bundle.yaml"), text).unwrap();
        let error = only_patch_memory(&Bundle::load(folder.path()).unwrap()).unwrap_err();
        assert!(
            error.to_string().contains("combines 2 memories of norm patches"),
            "{error}"
        );
    }
}
