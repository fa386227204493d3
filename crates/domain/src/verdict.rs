use std::fmt;

use serde::{Deserialize, Serialize};

/// The answer. An error of any kind is `Undetermined` (or a failed analysis), never `Norm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Verdict {
    Norm,
    Pathology,
    Undetermined,
}

impl Verdict {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Norm => "norm",
            Self::Pathology => "pathology",
            Self::Undetermined => "undetermined",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
