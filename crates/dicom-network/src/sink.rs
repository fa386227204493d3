//! Where received instances go.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tempfile::TempPath;

use crate::ae_title::AeTitle;
use crate::status::Status;

/// An association among those of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssociationId(u64);

static ASSOCIATIONS: AtomicU64 = AtomicU64::new(0);

impl AssociationId {
    pub(crate) fn next() -> Self {
        Self(ASSOCIATIONS.fetch_add(1, Ordering::Relaxed))
    }
}

/// An instance that came whole: a file of PS3.10 whose data set is as it was received, on the disk.
#[derive(Debug)]
pub struct ReceivedInstance {
    /// Deleted with this unless it is moved away.
    pub file: TempPath,
    pub sop_class_uid: String,
    pub sop_instance_uid: String,
    pub transfer_syntax_uid: String,
    /// Who sent it: the title that the peer called with, or was called by.
    pub calling: AeTitle,
    /// From where the peer called; None where this node did.
    pub address: Option<IpAddr>,
    /// (0000,1030): who asked the peer to send it, if it says so.
    pub move_originator: Option<AeTitle>,
    pub association: AssociationId,
    pub size_bytes: u64,
}

/// Why an instance is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreFailure {
    /// No room: it may be sent again later.
    OutOfResources,
    /// The data set is not that of the request.
    DoesNotMatch,
    CannotUnderstand,
    /// One with its SOP Instance UID is here, and is not the same.
    Duplicate,
    /// Something failed here.
    Failed,
}

impl StoreFailure {
    pub const ALL: [Self; 5] = [
        Self::OutOfResources,
        Self::DoesNotMatch,
        Self::CannotUnderstand,
        Self::Duplicate,
        Self::Failed,
    ];
}

impl From<StoreFailure> for Status {
    fn from(failure: StoreFailure) -> Self {
        match failure {
            StoreFailure::OutOfResources => Self::OUT_OF_RESOURCES,
            StoreFailure::DoesNotMatch => Self::DATA_SET_DOES_NOT_MATCH,
            StoreFailure::CannotUnderstand => Self::CANNOT_UNDERSTAND,
            StoreFailure::Duplicate => Self::DUPLICATE_SOP_INSTANCE,
            StoreFailure::Failed => Self::PROCESSING_FAILURE,
        }
    }
}

/// Takes received instances.
#[async_trait]
pub trait InstanceSink: Send + Sync + 'static {
    /// Takes an instance. When this returns, it is kept: the peer is told so and may delete its own.
    async fn accept(&self, instance: ReceivedInstance) -> Result<(), StoreFailure>;

    /// Nothing more comes of an association.
    fn association_ended(&self, _association: AssociationId) {}
}
