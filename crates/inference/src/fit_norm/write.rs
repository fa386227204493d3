use std::fs;
use std::path::Path;

use serde_yaml_ng::Value;

use super::{FitNormError, FittedNorm};
use crate::bundle::{BundleFile, InstalledModel};
use crate::file_hash::sha256_of_bytes;
use crate::manifest::{ExpectedFile, MANIFEST_FILE, Manifest, MemoryFile, is_plain_file_name};
use crate::npy::write_matrix_f16;
use crate::version::new_version;

const MEMORY_FILE: &str = "memory.npy";
const EXPECTED_FILE: &str = "expected.npy";

impl FittedNorm {
    /// Writes the model folder `out`: the graph of `base`, the site's memory and a manifest that says what they
    /// rest on. The folder's name is the model's; `studies` names the norm studies.
    ///
    /// # Errors
    /// Where `out` exists already, and where the disk fails.
    pub fn write_model(
        &self,
        base: &InstalledModel,
        out: &Path,
        version: &str,
        studies: &[String],
    ) -> Result<InstalledModel, FitNormError> {
        let failed = |error: &dyn std::fmt::Display| FitNormError::Write(error.to_string());
        let name = out
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|name| is_plain_file_name(name))
            .ok_or_else(|| failed(&"the folder's name is no name of a model"))?;
        let Some(memory) = &base.manifest.memory else {
            return Err(FitNormError::NoPatchMemory(base.manifest.name.clone()));
        };
        if let Some(parent) = out.parent() {
            fs::create_dir_all(parent).map_err(|error| failed(&error))?;
        }
        fs::create_dir(out).map_err(|error| failed(&error))?;
        fs::copy(base.onnx_path(), out.join(&base.manifest.file)).map_err(|error| failed(&error))?;
        let bytes = write_matrix_f16(&self.memory);
        fs::write(out.join(MEMORY_FILE), &bytes).map_err(|error| failed(&error))?;
        let expected = match (&self.expected, &memory.expected) {
            (Some(expected), Some(file)) => {
                let bytes = write_matrix_f16(&expected.stored());
                fs::write(out.join(EXPECTED_FILE), &bytes).map_err(|error| failed(&error))?;
                Some(ExpectedFile {
                    file: EXPECTED_FILE.to_owned(),
                    sha256: sha256_of_bytes(&bytes),
                    ..file.clone()
                })
            }
            _ => None,
        };
        let manifest = Manifest {
            name: name.to_owned(),
            version: version.to_owned(),
            network: None,
            normalisation: Some(self.bounds),
            norm_scores: Some(self.norm_scores),
            memory: Some(MemoryFile {
                file: MEMORY_FILE.to_owned(),
                sha256: sha256_of_bytes(&bytes),
                expected,
                ..memory.clone()
            }),
            provenance: self.provenance(base, studies).map_err(|error| failed(&error))?,
            ..base.manifest.clone()
        };
        let yaml = serde_yaml_ng::to_string(&manifest).map_err(|error| failed(&error))?;
        fs::write(out.join(MANIFEST_FILE), yaml).map_err(|error| failed(&error))?;
        Ok(InstalledModel::open(out)?)
    }

    fn provenance(&self, base: &InstalledModel, studies: &[String]) -> Result<Value, serde_yaml_ng::Error> {
        #[derive(serde::Serialize)]
        struct SiteNorm<'a> {
            fitted_from: String,
            norm_studies: &'a [String],
            leave_one_study_out_scores: &'a [f64],
            false_positive_rates: &'a [super::FalsePositives],
            base: &'a Value,
        }
        serde_yaml_ng::to_value(SiteNorm {
            fitted_from: format!("{} {}", base.manifest.name, base.manifest.version),
            norm_studies: studies,
            leave_one_study_out_scores: &self.leave_one_out_scores,
            false_positive_rates: &self.false_positives,
            base: &base.manifest.provenance,
        })
    }
}

impl BundleFile {
    /// This bundle with `model`, of `fitted`, in the place of the anomaly model `replaced` and the classifier scaled, under a new version. The
    /// operating points' specificities are those on the site's norm; their sensitivities are not known there.
    pub fn with_site_norm(&self, replaced: &str, model: &str, fitted: &FittedNorm) -> Self {
        let mut file = self.clone();
        for anomaly in &mut file.models.anomaly {
            if anomaly == replaced {
                model.clone_into(anomaly);
            }
        }
        model.clone_into(&mut file.name);
        file.version = new_version(&self.version);
        file.classifier_scaling = Some(fitted.classifier_scaling);
        for point in &mut file.operating_points {
            point.sensitivity = None;
            // On norm alone: what the threshold finds there is not known, so it is verified nowhere.
            point.measured_on = None;
            // They were of scores on another scale.
            point.by_scanner.clear();
            point.specificity = fitted
                .false_positives
                .iter()
                .find(|found| found.operating_point == point.name)
                .map(|found| found.rate.complement());
        }
        file
    }

    /// Writes the file where its models' folders are.
    pub fn write(&self, path: &Path) -> Result<(), FitNormError> {
        fs::write(path, self.to_text()?).map_err(|error| FitNormError::Write(error.to_string()))
    }

    /// The file's text.
    pub fn to_text(&self) -> Result<String, FitNormError> {
        self.check()?;
        serde_yaml_ng::to_string(self).map_err(|error| FitNormError::Write(error.to_string()))
    }
}
