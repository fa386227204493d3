//! What the gateway is made of.

use norma_service::Context;

use crate::bundle::BundleSource;
use crate::options::GatewayOptions;
use crate::site::ModelSource;
use crate::uploads::reader::UploadReader;

/// What the gateway is made of.
pub struct GatewayParts {
    pub context: Context,
    /// Asked at each use: models may come later than the gateway. Without them analyses are refused.
    pub bundle: BundleSource,
    /// The same bundle with its files, for thresholds that are proposed for it.
    pub models: ModelSource,
    pub reader: UploadReader,
    pub options: GatewayOptions,
}
