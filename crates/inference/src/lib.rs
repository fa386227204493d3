#![doc = include_str!("../README.md")]

mod aggregation;
mod anomaly;
mod augmentation;
mod bundle;
mod calibration;
mod clahe;
mod classifier;
mod error;
mod expected_distance;
mod file_hash;
mod fit_norm;
mod fusion;
mod import;
mod input;
mod known_outputs;
mod manifest;
mod measured_on;
mod npy;
mod open_sessions;
mod operating_point_figures;
mod patch_memory;
mod repeated_reading;
mod runtime;
mod session;
mod shared_pass;
mod site_point;
mod slices;
mod stage_models;
mod study_map;
mod typing;
mod version;

pub use aggregation::{SliceAggregation, WithinSlice, lung_cells};
pub use anomaly::{AnomalyModel, AnomalyReading};
pub use augmentation::augment;
pub use bundle::{
    AcceptedPoints, BUNDLE_FILE, BUNDLE_SCHEMA, Bundle, BundleFile, BundleModels, InstalledModel,
};
pub use calibration::{Calibration, LogitScaling};
pub use classifier::{ClassifierModel, ClassifierReading};
pub use error::{ModelError, RuntimeError};
pub use expected_distance::ExpectedDistance;
pub use file_hash::{sha256_of_bytes, sha256_of_file};
pub use fit_norm::{
    FalsePositives, FitNormError, FitNormOptions, FittedNorm, LEAST_NORM_STUDIES, NormFitter,
    RECOMMENDED_NORM_STUDIES, Rate,
};
pub use fusion::{AnomalyCombination, Fusion, FusionWeights};
pub use import::{check_model, import_model};
pub use input::{bilinear, bilinear_at, input_tensor, resize};
pub use known_outputs::{KnownOutputs, KnownReading};
pub use manifest::{
    Augmentation, Bounds, Dimension, ExpectedFile, InputTensor, Label, MANIFEST_FILE, MODEL_SCHEMA, Manifest,
    MemoryFile, NormScores, OutputMeaning, OutputTensor, SliceSelection, Task,
};
pub use measured_on::MeasuredOn;
pub use operating_point_figures::{Figure, OperatingPointFigures, ScannerThreshold};
pub use patch_memory::PatchMemory;
pub use runtime::{Cuda, ExecutionProvider, INSTALLED_LIBRARY, LIBRARY_VARIABLE, Runtime, RuntimeOptions};
pub use shared_pass::{SharedOutputs, SharedPass};
pub use slices::Slices;
pub use stage_models::{AnomalyModels, StageModels};
pub use typing::{LabelReading, TypingModel, TypingReading};
pub use version::new_version;
