#![doc = include_str!("../README.md")]

mod byte_range;
mod file_name;
mod gateway;
mod negotiation;
mod openapi;
mod paging;
mod picture;
mod problem;
mod routes;
mod rows_csv;
mod rows_xlsx;
mod schema;
mod window;

pub use file_name::safe_file_name;
pub use openapi::openapi;
pub use paging::{DEFAULT_LIMIT, MAX_LIMIT, Page};
pub use problem::{ApiError, Problem};
pub use rows_csv::rows_to_csv;
pub use rows_xlsx::rows_to_xlsx;
pub use schema::*;
