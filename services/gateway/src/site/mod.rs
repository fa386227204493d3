//! What the site's own answers say: drift, and thresholds that they propose.

pub(crate) mod drift;
pub(crate) mod proposals;
pub(crate) mod schema;
pub(crate) mod shadow;
