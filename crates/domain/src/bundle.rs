use serde::{Deserialize, Serialize};

/// The models that acted together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BundleReference {
    pub name: String,
    pub version: String,
    /// SHA-256 over the bundle file (fusion, scalings, calibration, operating points) and its models' manifests, which
    /// hold the bounds and the hashes of graphs and memories.
    pub sha256: String,
}
