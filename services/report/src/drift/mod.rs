//! Whether what comes in is still distributed as it was, for each scanner profile: scores, measures, failed quality checks, what is
//! released.

mod compare;
mod observation;
mod watch;

pub use self::compare::{DriftReport, DriftWindows, DriftedQuantity, ProfileDrift, Quantity};
pub use self::observation::Observations;
pub(crate) use self::watch::run_drift_watch;
