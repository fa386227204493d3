//! Work items of the unified worklist.

use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkitemSettings {
    /// Code Value of Norma among stations.
    pub station: String,
    /// How long those that have ended are kept.
    pub kept_days: u32,
}
