//! Who asks here: C-ECHO and C-STORE.

mod handshake;
mod options;
mod peers;
mod receiving;
mod serve;
mod session;
mod sink;

pub use options::{MAX_PDU_LENGTH, ScpLimits, ScpOptions, ScpTimeouts};
pub use peers::{AllowedPeer, InvalidPeer};
pub use serve::Scp;
pub use sink::{AssociationId, InstanceSink, ReceivedInstance, StoreFailure};
