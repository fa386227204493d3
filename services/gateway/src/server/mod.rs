//! The HTTP server: every room's operations, the page, and what surrounds each request.

mod application;
mod extractors;
mod head;
mod parts;
mod request_limits;
mod request_span;
mod rooms;
mod routes;
mod run;
mod security;
mod timing;

pub use application::Application;
pub use parts::GatewayParts;
pub use run::run;
pub use security::{BeyondLoopback, listen_address};
