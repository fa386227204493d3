//! Mass-run rows, in the form that a client wants.

mod answer;
mod csv;
mod format;
mod table;
mod xlsx;

pub(crate) use self::answer::{failure_row, rows_answer, summary_of, unreadable_row};
pub use self::csv::rows_to_csv;
pub(crate) use self::format::RowFormat;
pub use self::xlsx::rows_to_xlsx;
