//! Progress as it happens.

mod feed;
pub(crate) mod route;
pub(crate) mod schema;

pub(crate) use feed::EventFeed;
