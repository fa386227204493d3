use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Probability;

/// Name of an operating point in a bundle, e.g. `youden`, `f1`, `sensitivity_95`, `sensitivity_99`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OperatingPointName(pub String);

impl OperatingPointName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperatingPointName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The threshold on the calibrated probability at and above which a study is called pathology.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OperatingPoint {
    pub name: OperatingPointName,
    pub threshold: Probability,
}
