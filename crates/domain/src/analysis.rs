use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where an analysis stands. `Completed` and `Failed` are final: an analysis ends exactly once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AnalysisStatus {
    Queued,
    Preparing,
    Analyzing,
    Completed,
    Failed,
}

impl AnalysisStatus {
    pub const ALL: [Self; 5] = [
        Self::Queued,
        Self::Preparing,
        Self::Analyzing,
        Self::Completed,
        Self::Failed,
    ];

    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Preparing => "preparing",
            Self::Analyzing => "analyzing",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for AnalysisStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A text that names no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown analysis status {0:?}")]
pub struct UnknownStatus(pub String);

impl FromStr for AnalysisStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}
