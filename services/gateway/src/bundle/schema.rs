use norma_domain::{Probability, ScannerProfile, Stage};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The models that act together and the operating points that may be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BundleDescription {
    pub name: String,
    pub version: String,
    /// SHA-256 over the bundle file and its models' hashes.
    pub sha256: String,
    pub default_operating_point: String,
    pub operating_points: Vec<OperatingPointDescription>,
    pub models: Vec<ModelDescription>,
}

/// A threshold on the calibrated probability, with what it was measured to give on validation data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperatingPointDescription {
    #[schema(example = "youden")]
    pub name: String,
    pub threshold: Probability,
    pub sensitivity: Option<Estimate>,
    pub specificity: Option<Estimate>,
    /// Names of the data sets that the figures were measured on.
    #[serde(default)]
    pub measured_on: Vec<String>,
    /// The scanners, used like this, on which the threshold is verified.
    #[serde(default)]
    pub verified_on: Vec<ScannerProfile>,
    /// Scanners that are held to a threshold of their own.
    #[serde(default)]
    pub by_scanner: Vec<ScannerThresholdDescription>,
}

/// The threshold of one scanner, used like this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScannerThresholdDescription {
    pub scanner: ScannerProfile,
    pub threshold: Probability,
    pub sensitivity: Option<Estimate>,
    pub specificity: Option<Estimate>,
    /// What it was fitted on.
    pub measured_on: Vec<String>,
    /// Whether labelled studies of this scanner bound what it misses.
    pub verified: bool,
}

/// A measured figure with its 95 % confidence interval, where that was measured too.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Estimate {
    pub value: f64,
    pub ci95: Option<[f64; 2]>,
}

/// A model of the bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelDescription {
    /// The stage that runs it.
    pub stage: Stage,
    pub name: String,
    pub version: String,
    /// SHA-256 of the ONNX file.
    pub sha256: String,
    /// What it can find; empty unless it is a typing model.
    pub labels: Vec<LabelDescription>,
}

/// A pathology type that a typing model declares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LabelDescription {
    pub key: String,
    pub name_en: String,
    pub name_ru: String,
    /// The probability at and above which it counts as present.
    pub threshold: f64,
}
