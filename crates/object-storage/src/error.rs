use std::error::Error;
use std::io;

use norma_encryption::KeyError;

use crate::ObjectKey;

/// Why an object could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    #[error("there is no object {0}")]
    NotFound(ObjectKey),
    #[error("the upload is longer than {limit_bytes} bytes")]
    TooLarge { limit_bytes: u64 },
    /// The bytes stopped coming: the client went away, or sent nonsense.
    #[error("the upload broke off")]
    UploadBroken(#[source] Box<dyn Error + Send + Sync>),
    #[error("the range {start}..{end} does not lie within the object {key}")]
    RangeOutside { key: ObjectKey, start: u64, end: u64 },
    #[error("the object storage is full")]
    StorageFull(#[source] Box<dyn Error + Send + Sync>),
    /// The credentials do not allow it, or the settings make no storage.
    #[error("the object storage refuses access")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// The object is shorter than its size says.
    #[error("the object {0} ends early")]
    Truncated(ObjectKey),
    /// The object is there, and what it is encrypted with is not, or is another's.
    #[error("the object {key} cannot be opened")]
    Key {
        key: ObjectKey,
        #[source]
        source: KeyError,
    },
    /// What is stored is not what was encrypted.
    #[error("the object {0} is damaged: it is not as it was encrypted")]
    Damaged(ObjectKey),
    #[error("the object {0} is not encrypted, and the settings accept encrypted ones alone")]
    NotEncrypted(ObjectKey),
    /// While it was read.
    #[error("another object was stored in the place of {0} meanwhile")]
    Replaced(ObjectKey),
    /// A file of the caller's could not be read or written.
    #[error("a local file could not be read or written")]
    LocalFile(#[source] io::Error),
    /// Everything else, mostly the network.
    #[error("the object storage does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl ObjectError {
    /// Whether the same operation may succeed later without anything being changed.
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_)
                | Self::StorageFull(_)
                | Self::Replaced(_)
                | Self::Key {
                    source: KeyError::Service(_),
                    ..
                }
        )
    }

    pub(crate) fn of(key: ObjectKey, error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound(key),
            other => other.into(),
        }
    }
}

impl From<object_store::Error> for ObjectError {
    fn from(error: object_store::Error) -> Self {
        if is_full(&error) {
            return Self::StorageFull(Box::new(error));
        }
        match error {
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. }
            | object_store::Error::UnknownConfigurationKey { .. }
            | object_store::Error::NotImplemented { .. } => Self::Refused(Box::new(error)),
            other => Self::Unavailable(Box::new(other)),
        }
    }
}

/// Whether a full disk or an exhausted quota is behind the error.
fn is_full(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(
            kind,
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        ) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_broken_one() {
        let of = |kind: io::ErrorKind| {
            ObjectError::from(object_store::Error::Generic {
                store: "folder",
                source: Box::new(io::Error::from(kind)),
            })
        };
        assert!(matches!(
            of(io::ErrorKind::StorageFull),
            ObjectError::StorageFull(_)
        ));
        assert!(matches!(
            of(io::ErrorKind::QuotaExceeded),
            ObjectError::StorageFull(_)
        ));
        assert!(matches!(
            of(io::ErrorKind::BrokenPipe),
            ObjectError::Unavailable(_)
        ));
    }
}
