//! Who asks here: C-ECHO, C-STORE, and N-ACTION of storage commitment.

mod commitment;
mod handshake;
mod options;
mod outcomes;
mod peers;
mod serve;
mod services;
mod session;

pub use commitment::{CommitmentProvider, HeldReport};
pub use options::{MAX_PDU_LENGTH, ScpLimits, ScpOptions, ScpTimeouts};
pub use outcomes::OutcomeListener;
pub use peers::{AllowedPeer, InvalidPeer};
pub use serve::Scp;
