//! The one loop that every worker runs.

mod attempt;
mod blocking;
mod handler;
mod outage;
mod run;
mod source;

pub use blocking::run_blocking;
pub use handler::{Handled, HandlerError, MessageHandler};
pub use run::run_worker;
pub use source::Source;
