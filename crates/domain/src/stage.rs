//! The stages of the pipeline and what they leave behind.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{BundleReference, Probability, Reason, VoxelBox};

/// A stage of the pipeline; each has a worker and a queue of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Stage {
    Preprocess,
    Anomaly,
    Classifier,
    Typing,
    Report,
}

impl Stage {
    pub const ALL: [Self; 5] = [
        Self::Preprocess,
        Self::Anomaly,
        Self::Classifier,
        Self::Typing,
        Self::Report,
    ];
    /// The stages that read a prepared study with a model, side by side.
    pub const MODELS: [Self; 3] = [Self::Anomaly, Self::Classifier, Self::Typing];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preprocess => "preprocess",
            Self::Anomaly => "anomaly",
            Self::Classifier => "classifier",
            Self::Typing => "typing",
            Self::Report => "report",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A text that names no stage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown stage {0:?}")]
pub struct UnknownStage(pub String);

impl FromStr for Stage {
    type Err = UnknownStage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|stage| stage.as_str() == text)
            .ok_or_else(|| UnknownStage(text.to_owned()))
    }
}

/// Which model answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelReference {
    pub name: String,
    pub version: String,
    /// SHA-256 of the ONNX file, lower-case hexadecimal.
    pub sha256: String,
}

/// The score of one slice of the volume.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SliceScore {
    /// Index along z in the volume.
    pub slice: usize,
    pub score: f64,
}

/// One of the measures that a stage's score is made of, e.g. reconstruction error or patch distance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScoreComponent {
    pub name: String,
    pub raw: f64,
    /// The raw value between the model's low and high bound, clipped to 0..=1.
    pub normalised: f64,
    pub slice_scores: Vec<SliceScore>,
}

/// A pathology type and how probable it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// The label's key in the model's manifest, e.g. `emphysema`.
    pub label: String,
    pub name_en: String,
    pub name_ru: String,
    pub probability: Probability,
    /// Whether the probability reaches the label's own threshold.
    pub present: bool,
    /// The slice (z index in the volume) where the probability is highest.
    pub key_slice: usize,
}

/// What a model stage found. Stored as the payload of its row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StageResult {
    pub stage: Stage,
    /// The models that answered; the anomaly stage may run more than one.
    pub models: Vec<ModelReference>,
    /// The bundle that the models, bounds and scalings were taken from, as it is installed: whichever thresholds act. None where the worker is older than this field:
    /// which bundle answered is not known then.
    #[serde(default)]
    pub bundle: Option<BundleReference>,
    /// Where it ran: `cpu`, `cuda`, or `cpu (cuda unavailable: …)`.
    pub execution_provider: String,
    pub duration_ms: u64,
    /// The study's score, 0..=1: normalised anomaly or probability of pathology. None for typing.
    pub score: Option<Probability>,
    /// Per slice read, ascending by slice; the values that `score` aggregates. For typing: highest finding.
    pub slice_scores: Vec<SliceScore>,
    pub components: Vec<ScoreComponent>,
    /// Typing only; descending by probability.
    pub findings: Vec<Finding>,
    /// Box around the strongest region of the map, in voxels of the volume.
    pub localization: Option<VoxelBox>,
    /// Whether a map object was stored for this stage.
    pub has_map: bool,
}

/// Why a stage gave no result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StageFailure {
    pub stage: Stage,
    pub reason: Reason,
}

/// How a model stage ended.
#[expect(
    clippy::large_enum_variant,
    reason = "an analysis has four of them, and nearly all are completed"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum StageOutcome {
    Completed(StageResult),
    Failed(StageFailure),
}

impl StageOutcome {
    pub fn stage(&self) -> Stage {
        match self {
            Self::Completed(result) => result.stage,
            Self::Failed(failure) => failure.stage,
        }
    }
}
