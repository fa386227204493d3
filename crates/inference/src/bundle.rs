//! `norma.bundle/v1`: the models that act together and how their scores become an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use norma_domain::{
    BundleReference, Decision, ModelReference, OperatingPoint, OperatingPointName, Probability,
    ScannerProfile, Stage,
};
use serde::{Deserialize, Serialize};

use crate::calibration::{Calibration, LogitScaling};
use crate::error::ModelError;
use crate::file_hash::{sha256_of_bytes, sha256_of_file};
use crate::fusion::{AnomalyCombination, Fusion};
use crate::manifest::{Manifest, Task, is_plain_file_name};
use crate::operating_point_figures::OperatingPointFigures;

/// Value of [`BundleFile::schema`].
pub const BUNDLE_SCHEMA: &str = "norma.bundle/v1";
/// Name of the bundle file in the models folder.
pub const BUNDLE_FILE: &str = "bundle.yaml";

/// `models/bundle.yaml` as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleFile {
    pub schema: String,
    pub name: String,
    pub version: String,
    pub models: BundleModels,
    pub anomaly_combination: AnomalyCombination,
    /// What a site's own norm makes of the classifier's score, before the fusion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier_scaling: Option<LogitScaling>,
    pub fusion: Fusion,
    pub calibration: Calibration,
    pub operating_points: Vec<OperatingPointFigures>,
    pub default_operating_point: OperatingPointName,
    /// Labels of findings, the most dangerous first: of several that are present the first one here is named. A label that
    /// is not here is less dangerous than those that are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub danger_order: Vec<String>,
    /// For people: what the figures were measured on, the studies of a site's own norm, and the like.
    #[serde(default, skip_serializing_if = "serde_yaml_ng::Value::is_null")]
    pub provenance: serde_yaml_ng::Value,
}

/// Folders beside the bundle file, by stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleModels {
    pub anomaly: Vec<String>,
    pub classifier: String,
    pub typing: String,
}

/// A model's folder, its files' hashes checked.
#[derive(Debug, Clone, PartialEq)]
pub struct InstalledModel {
    pub folder: PathBuf,
    pub manifest: Manifest,
    /// SHA-256 of the manifest's file as it was read.
    manifest_sha256: String,
}

impl InstalledModel {
    /// Reads a model's folder and checks the hashes of its files. The graph is checked where a session is
    /// opened on it.
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        let (manifest, manifest_sha256) = Manifest::read_with_hash(folder)?;
        let model = Self {
            folder: folder.to_owned(),
            manifest,
            manifest_sha256,
        };
        model.check_hash(model.onnx_path(), &model.manifest.file, &model.manifest.sha256)?;
        for (file, sha256) in model.manifest.further_files() {
            model.check_hash(model.folder.join(file), file, sha256)?;
        }
        Ok(model)
    }

    pub fn onnx_path(&self) -> PathBuf {
        self.manifest.graph_path(&self.folder)
    }

    pub fn memory_path(&self) -> Option<PathBuf> {
        let memory = self.manifest.memory.as_ref()?;
        Some(self.folder.join(&memory.file))
    }

    pub fn reference(&self) -> ModelReference {
        ModelReference {
            name: self.manifest.name.clone(),
            version: self.manifest.version.clone(),
            sha256: self.manifest.sha256.clone(),
        }
    }

    fn check_hash(&self, path: PathBuf, file: &str, expected: &str) -> Result<(), ModelError> {
        if !path.is_file() {
            return Err(ModelError::Missing {
                what: "a file that a manifest names",
                path,
            });
        }
        let found = sha256_of_file(&path).map_err(|source| ModelError::Unreadable { path, source })?;
        if found == expected {
            return Ok(());
        }
        Err(ModelError::HashMismatch {
            model: self.manifest.name.clone(),
            file: file.to_owned(),
            expected: expected.to_owned(),
            found,
        })
    }
}

/// A bundle whose files are all there, unaltered and consistent.
#[derive(Debug, Clone)]
pub struct Bundle {
    file: BundleFile,
    reference: BundleReference,
    /// The bundle as it is installed, before a site accepted thresholds for it.
    installed: (BundleFile, BundleReference),
    /// Those that count, and how they combine.
    anomaly: Vec<InstalledModel>,
    anomaly_combination: AnomalyCombination,
    idle: Vec<InstalledModel>,
    classifier: InstalledModel,
    typing: InstalledModel,
}

/// The file of a bundle with operating points that a site accepted, parsed.
#[derive(Debug, Clone)]
pub struct AcceptedPoints {
    file: BundleFile,
    /// As it was accepted: a bundle's hash is over its bytes.
    text: String,
}

impl AcceptedPoints {
    /// # Errors
    /// Where the text is no bundle's file.
    pub fn parse(text: String) -> Result<Self, ModelError> {
        let file: BundleFile = serde_yaml_ng::from_str(&text).map_err(|source| ModelError::DoesNotParse {
            path: PathBuf::from("the accepted thresholds"),
            source,
        })?;
        file.check()?;
        Ok(Self { file, text })
    }
}

impl Bundle {
    /// Loads a bundle from its file, or from the folder that holds `bundle.yaml`. Needs no ONNX Runtime.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let path = if path.is_dir() {
            path.join(BUNDLE_FILE)
        } else {
            path.to_owned()
        };
        if !path.is_file() {
            return Err(ModelError::Missing {
                what: "the bundle",
                path,
            });
        }
        let bytes = fs::read(&path).map_err(|source| ModelError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let file: BundleFile =
            serde_yaml_ng::from_slice(&bytes).map_err(|source| ModelError::DoesNotParse {
                path: path.clone(),
                source,
            })?;
        file.check()?;

        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let open = |name: &str, tasks: &[Task]| -> Result<InstalledModel, ModelError> {
            let model = InstalledModel::open(&folder.join(name))?;
            if model.manifest.name != name {
                return Err(ModelError::invalid(
                    name,
                    format!("the manifest's name is {:?}", model.manifest.name),
                ));
            }
            if !tasks.contains(&model.manifest.task) {
                return Err(ModelError::invalid(
                    name,
                    format!(
                        "task is {:?}; its place in the bundle wants {tasks:?}",
                        model.manifest.task
                    ),
                ));
            }
            Ok(model)
        };
        let anomaly = file
            .models
            .anomaly
            .iter()
            .map(|name| open(name, &[Task::Reconstruction, Task::PatchMemory]))
            .collect::<Result<Vec<_>, _>>()?;
        let counts: Vec<usize> = anomaly
            .iter()
            .map(|model: &InstalledModel| model.manifest.slice_selection.count)
            .collect();
        if counts.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(ModelError::invalid(
                &format!("bundle {}", file.name),
                format!("the anomaly models read {counts:?} slices; their maps combine only slice by slice"),
            ));
        }
        let classifier = open(&file.models.classifier, &[Task::Classifier])?;
        let typing = open(&file.models.typing, &[Task::Typing])?;

        let models: Vec<&InstalledModel> = anomaly.iter().chain([&classifier, &typing]).collect();
        let reference = BundleReference {
            name: file.name.clone(),
            version: file.version.clone(),
            sha256: bundle_hash(&bytes, &models),
        };
        let combination = file.anomaly_combination.clone();
        let (counting, idle): (Vec<_>, Vec<_>) = anomaly
            .into_iter()
            .enumerate()
            .partition(|(place, _)| combination.counts(*place));
        let models_alone = |places: Vec<(usize, InstalledModel)>| places.into_iter().map(|(_, model)| model);
        Ok(Self {
            installed: (file.clone(), reference.clone()),
            file,
            reference,
            anomaly: models_alone(counting).collect(),
            anomaly_combination: combination.of_counting(),
            idle: models_alone(idle).collect(),
            classifier,
            typing,
        })
    }

    pub fn reference(&self) -> &BundleReference {
        &self.reference
    }

    /// The bundle that the models' folder holds: [`reference`](Self::reference) itself where no thresholds were accepted for it.
    pub fn installed(&self) -> &BundleReference {
        &self.installed.1
    }

    /// This bundle without the thresholds that were accepted for it.
    pub fn as_installed(self) -> Self {
        let (file, reference) = self.installed.clone();
        Self {
            file,
            reference,
            ..self
        }
    }

    /// This bundle with the operating points of another file: those that a site accepted.
    ///
    /// # Errors
    /// Where the file says anything else too: models and how they combine are never replaced like this.
    pub fn with_accepted_points(
        self,
        AcceptedPoints { file: accepted, text }: &AcceptedPoints,
    ) -> Result<Self, ModelError> {
        let as_installed = BundleFile {
            version: self.file.version.clone(),
            operating_points: self.file.operating_points.clone(),
            default_operating_point: self.file.default_operating_point.clone(),
            ..accepted.clone()
        };
        if as_installed != self.file {
            return Err(ModelError::invalid(
                &format!("bundle {}", self.file.name),
                "the accepted thresholds are of another bundle".to_owned(),
            ));
        }
        let models = self.anomaly.iter().chain(&self.idle);
        let models: Vec<&InstalledModel> = models.chain([&self.classifier, &self.typing]).collect();
        let reference = BundleReference {
            name: accepted.name.clone(),
            version: accepted.version.clone(),
            sha256: bundle_hash(text.as_bytes(), &models),
        };
        Ok(Self {
            file: accepted.clone(),
            reference,
            ..self
        })
    }

    /// The figures of an operating point.
    pub fn figures_of(&self, name: &OperatingPointName) -> Option<&OperatingPointFigures> {
        self.file
            .operating_points
            .iter()
            .find(|point| point.name == *name)
    }

    /// The bundle file as written.
    pub fn file(&self) -> &BundleFile {
        &self.file
    }

    /// What the stages' scores say together: the fused score, the stage that contributed more to it and the calibrated
    /// probability of pathology. The classifier's score is the scaled one where [`BundleFile::classifier_scaling`] is. None
    /// where the calibration takes no such score.
    pub fn answer(&self, anomaly: f64, classifier: f64) -> Option<(f64, Decision, Probability)> {
        let (fused, decision) = self.file.fusion.apply(anomaly, classifier);
        Some((fused, decision, self.file.calibration.apply(fused)?))
    }

    /// The anomaly models that are run: those whose weight is above 0, in the bundle's order.
    pub fn anomaly(&self) -> &[InstalledModel] {
        &self.anomaly
    }

    /// The anomaly models of weight 0. They come with the bundle, to be measured beside it, and never run on a study.
    pub fn idle(&self) -> &[InstalledModel] {
        &self.idle
    }

    pub fn classifier(&self) -> &InstalledModel {
        &self.classifier
    }

    pub fn typing(&self) -> &InstalledModel {
        &self.typing
    }

    /// How the scores of [`anomaly`](Self::anomaly) combine.
    pub fn anomaly_combination(&self) -> &AnomalyCombination {
        &self.anomaly_combination
    }

    pub fn fusion(&self) -> &Fusion {
        &self.file.fusion
    }

    pub fn calibration(&self) -> &Calibration {
        &self.file.calibration
    }

    /// How dangerous a finding is: 0 the most.
    pub fn danger_rank(&self, label: &str) -> usize {
        let order = &self.file.danger_order;
        order
            .iter()
            .position(|known| known == label)
            .unwrap_or(order.len())
    }

    /// Every operating point with its figures.
    pub fn operating_points(&self) -> &[OperatingPointFigures] {
        &self.file.operating_points
    }

    pub fn operating_point(&self, name: &OperatingPointName) -> Option<OperatingPoint> {
        self.file.operating_point(name)
    }

    pub fn default_operating_point(&self) -> OperatingPoint {
        self.file
            .operating_point(&self.file.default_operating_point)
            .expect("`check` found the default operating point among the points")
    }

    /// The models that a stage runs; none for a stage without models.
    pub fn models_of(&self, stage: Stage) -> Vec<&InstalledModel> {
        match stage {
            Stage::Anomaly => self.anomaly.iter().collect(),
            Stage::Classifier => vec![&self.classifier],
            Stage::Typing => vec![&self.typing],
            Stage::Preprocess | Stage::Report => Vec::new(),
        }
    }
}

impl BundleFile {
    fn operating_point(&self, name: &OperatingPointName) -> Option<OperatingPoint> {
        let point = self.operating_points.iter().find(|point| point.name == *name)?;
        Some(OperatingPoint {
            name: point.name.clone(),
            threshold: point.threshold,
        })
    }

    /// Says what in the file does not fit.
    pub fn check(&self) -> Result<(), ModelError> {
        let refuse = |message: String| Err(ModelError::invalid(&format!("bundle {}", self.name), message));
        if self.schema != BUNDLE_SCHEMA {
            return refuse(format!("schema is {:?}, not {BUNDLE_SCHEMA}", self.schema));
        }
        if self.models.anomaly.is_empty() {
            return refuse("no anomaly model is named".to_owned());
        }
        let mut folders: Vec<&String> = self.models.anomaly.iter().collect();
        folders.extend([&self.models.classifier, &self.models.typing]);
        if let Some(name) = folders.iter().find(|name| !is_plain_file_name(name)) {
            return refuse(format!("{name:?} is not a plain folder name"));
        }
        if let Err(message) = self.anomaly_combination.check(self.models.anomaly.len()) {
            return refuse(format!("anomaly_combination: {message}"));
        }
        if let Some(Err(message)) = self.classifier_scaling.map(|scaling| scaling.check()) {
            return refuse(format!("classifier_scaling: {message}"));
        }
        if let Err(message) = self.fusion.check() {
            return refuse(format!("fusion: {message}"));
        }
        if let Err(message) = self.calibration.check() {
            return refuse(format!("calibration: {message}"));
        }
        let mut names: Vec<&str> = self
            .operating_points
            .iter()
            .map(|point| point.name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        if names.len() != self.operating_points.len() {
            return refuse("two operating points have the same name".to_owned());
        }
        let mut labels: Vec<&String> = self.danger_order.iter().collect();
        labels.sort_unstable();
        labels.dedup();
        if labels.len() != self.danger_order.len() {
            return refuse("danger_order names a label twice".to_owned());
        }
        for point in &self.operating_points {
            // At a threshold of 0 nothing is norm, which is safe and useless; it points at figures never filled in.
            let own = point.by_scanner.iter().map(|own| own.threshold);
            if std::iter::once(point.threshold)
                .chain(own)
                .any(|threshold| threshold.value() <= 0.0)
            {
                return refuse(format!("operating point {} has threshold 0", point.name));
            }
            let scanners: BTreeSet<&ScannerProfile> =
                point.by_scanner.iter().map(|own| &own.scanner).collect();
            if scanners.len() != point.by_scanner.len() {
                return refuse(format!(
                    "operating point {} has two thresholds of one scanner",
                    point.name
                ));
            }
        }
        if self.operating_point(&self.default_operating_point).is_none() {
            return refuse(format!(
                "default_operating_point {} is not among the operating points",
                self.default_operating_point
            ));
        }
        Ok(())
    }
}

/// SHA-256 over the bundle file and, for each model, its manifest's hash; a manifest in turn holds the hashes of its
/// ONNX file and of the files beside it.
fn bundle_hash(file: &[u8], models: &[&InstalledModel]) -> String {
    let parts: BTreeMap<&str, &str> = models
        .iter()
        .map(|model| (model.manifest.name.as_str(), model.manifest_sha256.as_str()))
        .collect();
    let mut text = sha256_of_bytes(file);
    for (name, hash) in parts {
        text.push_str(&format!("\n{name} {hash}"));
    }
    sha256_of_bytes(text.as_bytes())
}
