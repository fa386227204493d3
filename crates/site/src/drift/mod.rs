//! Whether what comes in is still distributed as it was, for each scanner profile: scores, measures, failed quality checks, what is
//! released.

mod compare;
mod observation;
mod plot;
mod quantity;

pub use self::compare::{DRIFT_SCHEMA, DriftReport, DriftWindows, DriftedQuantity, ProfileDrift};
pub use self::observation::Observations;
pub use self::plot::{DriftPlot, SharePlot};
pub use self::quantity::Quantity;
