//! Results on their way to a PACS: sent from a queue in the database, and what a person sees of that.

mod destination;
mod dispatcher;
mod failure;
mod lease;
pub(crate) mod route;
pub(crate) mod schema;
mod send;
mod stow;

pub(crate) use destination::DeliveryOptions;
pub(crate) use dispatcher::Dispatcher;
