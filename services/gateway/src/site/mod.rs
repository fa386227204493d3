//! What the site's own answers say: drift, and thresholds that they propose.

pub(crate) mod drift;
mod models;
pub(crate) mod proposals;
pub(crate) mod schema;

pub use models::ModelSource;
pub(crate) use models::SiteModels;
