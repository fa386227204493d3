use norma_domain::ScannerProfile;
use serde::{Deserialize, Serialize};

/// What an operating point's figures were measured on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredOn {
    /// Names of data sets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// The scanners, used like this, of the studies that it was measured on; none of pictures that do not tell theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scanners: Vec<ScannerProfile>,
}
