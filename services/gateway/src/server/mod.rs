//! The HTTP server: every room's operations, the page, and what surrounds each request.

mod application;
pub(crate) mod request_limits;
mod request_span;
mod routes;
mod run;
mod security;
mod tls;

pub use application::Application;
pub(crate) use application::page_or_problem;
pub use run::run;
pub use security::{BeyondLoopback, listen_address};
pub use tls::TlsFiles;
