use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The process answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`.
    #[schema(example = "ok")]
    pub status: String,
    pub version: String,
}

/// Whether requests can be served, per dependency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    pub ready: bool,
    /// Empty for those who are no operators.
    pub dependencies: Vec<DependencyHealth>,
}

/// One dependency. What is wrong is in the log, not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DependencyHealth {
    /// `database`, `queue`, `objects`, `bundle`, `models of {stage}` where the stage's worker runs in this process.
    #[schema(example = "database")]
    pub name: String,
    pub ready: bool,
}
