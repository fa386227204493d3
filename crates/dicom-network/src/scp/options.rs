use std::path::PathBuf;
use std::time::Duration;

use crate::ae_title::AeTitle;
use crate::negotiation::StorageSupport;
use crate::receiving::InstanceLimits;
use crate::scp::peers::AllowedPeer;
use crate::scp::waiting::ADDRESSES;
use crate::tls::ServerTls;

/// The longest P-DATA-TF that is announced where nothing else is wanted.
pub const MAX_PDU_LENGTH: u32 = 128 << 10;

/// What one peer, and all together, may take.
#[derive(Debug, Clone, Copy)]
pub struct ScpLimits {
    /// Associations at once; more are rejected (local limit exceeded).
    pub associations: usize,
    /// The longest P-DATA-TF that is announced.
    pub max_pdu_length: u32,
    /// Bytes of one data set.
    pub instance_bytes: u64,
    /// Bytes that stay free on the disk of the folder.
    pub free_floor_bytes: u64,
}

/// Connections of one address beyond the associations, for peers that are to be told that there are too many.
const SPARE_CONNECTIONS: usize = 16;

impl ScpLimits {
    /// How many connections may ask for no association yet, where there may be so many associations: of one address, and in all.
    pub const fn waiting_connections(associations: usize) -> [usize; 2] {
        let of_address = associations.saturating_add(SPARE_CONNECTIONS);
        [of_address, of_address.saturating_mul(ADDRESSES)]
    }

    pub(crate) fn of_instance(self) -> InstanceLimits {
        InstanceLimits {
            instance_bytes: self.instance_bytes,
            free_floor_bytes: self.free_floor_bytes,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct ScpTimeouts {
    /// From the connection to the association request; for the handshake of TLS before it as long again.
    pub request: Duration,
    /// How long a peer may say nothing in an association, and take for one PDU.
    pub idle: Duration,
    /// How long a message under way may take when the service ends.
    pub shutdown: Duration,
}

impl Default for ScpTimeouts {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            shutdown: Duration::from_secs(20),
        }
    }
}

/// How a service class provider works.
#[derive(Debug, Clone)]
pub struct ScpOptions {
    /// Whom peers call.
    pub ae_title: AeTitle,
    /// Who may call.
    pub peers: Vec<AllowedPeer>,
    pub support: StorageSupport,
    pub limits: ScpLimits,
    pub timeouts: ScpTimeouts,
    /// Without, nothing is encrypted.
    pub tls: Option<ServerTls>,
    /// Where instances are written while they come. It must be there.
    pub folder: PathBuf,
}
