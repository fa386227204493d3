//! Who asks here: C-ECHO, C-STORE, N-ACTION of storage commitment, N-CREATE and N-SET of performed procedure steps.

mod commitment;
mod handshake;
mod options;
mod outcomes;
mod peers;
mod request_data;
mod serve;
mod services;
mod session;
mod steps;
mod waiting;

pub use commitment::{CommitmentProvider, HeldReport};
pub use options::{MAX_PDU_LENGTH, ScpLimits, ScpOptions, ScpTimeouts};
pub use outcomes::OutcomeListener;
pub use peers::{AllowedPeer, InvalidPeer};
pub use serve::Scp;
pub use steps::StepListener;
