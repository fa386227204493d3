#![doc = include_str!("../README.md")]

mod cusum;
mod drift;
mod error;
mod level;
mod predictive_values;
mod proportion;
mod reliability;
mod roc;
mod scored_study;
mod share_cusum;
mod threshold;
mod unlabelled;

pub use cusum::{
    CUSUM_ALLOWANCE, CumulativeSums, crossing_probability, decision_interval, sequential_normal_scores,
};
pub use drift::{
    DRIFT_VALUES_NEEDED, Drift, ShareDrift, ValueDrift, cumulative_sum_limit, share_drift, share_sum_limits,
    share_sums, value_drift,
};
pub use error::AccuracyError;
pub use level::Level;
pub use predictive_values::{PredictiveValues, predictive_values};
pub use proportion::Proportion;
pub use reliability::{Reliability, ReliabilityBin, reliability};
pub use roc::{RocArea, RocIntervalMethod, RocPoint, roc_area, roc_curve};
pub use scored_study::{ScoredStudy, at_threshold, one_study_per_patient};
pub use share_cusum::{SHARE_ODDS_RATIO, ShareSums};
pub use threshold::{SensitivityThreshold, ThresholdFit, positives_needed, threshold_for_sensitivity};
pub use unlabelled::{StreamAtThreshold, UnlabelledFit, stream_at_threshold, threshold_without_labels};
