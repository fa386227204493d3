//! The one loop that every worker runs.

mod attempt;
mod handler;
mod run;

pub use handler::{Handled, HandlerError, MessageHandler};
pub use run::{Source, run_worker};
