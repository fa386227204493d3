//! What the gateway is made of.

use std::sync::Arc;

use norma_service::Context;

use crate::bundle::ModelSource;
use crate::connections::Connections;
use crate::instance_counts::ExpectedRules;
use crate::options::GatewayOptions;
use crate::pulls::Sources;
use crate::routing::Rules;
use crate::uploads::reader::UploadReader;

/// What the gateway is made of.
pub struct GatewayParts {
    pub context: Context,
    /// Asked at each use: models may come later than the gateway. Without them analyses are refused.
    pub models: ModelSource,
    pub reader: UploadReader,
    pub options: GatewayOptions,
    pub sources: Sources,
    /// The systems that the settings name.
    pub connections: Connections,
    pub rules: Rules,
    /// Who says how many instances studies have.
    pub expected: Arc<ExpectedRules>,
}
