//! Results on their way to a PACS and to other systems: sent from a queue in the database, and what a person sees of that.

mod commitment;
mod destination;
mod dispatcher;
mod hl7_receiver;
mod http_service;
mod ledger;
mod messages;
mod outcomes;
pub(crate) mod route;
pub(crate) mod schema;
mod send;
mod stow;
mod trail;

pub(crate) use destination::{DeliveryOptions, DeliveryService, ReachedDestination};
pub(crate) use dispatcher::Dispatcher;
pub(crate) use outcomes::CommitmentOutcomes;
