//! The systems that this node speaks with, as the settings name them: whether they answer, what went over the wire last, and what comes just now.

mod echo;
mod peers;
pub(crate) mod route;
pub(crate) mod schema;

pub use echo::Echo;
pub use peers::{Connections, OwnNode, Peer, PeerService, PeerWay};
