use std::io::ErrorKind;

use norma_deidentification::DeidentificationError;
use norma_domain::{Reason, ReasonCode};
use norma_imaging::ImagingError;
use serde::{Deserialize, Serialize};

use crate::objects::ObjectError;

/// Why an upload could not be prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum PrepareError {
    /// The input's fault: another try ends the same way.
    #[error("{0}")]
    Rejected(Reason),
    /// The machine's fault: another try may succeed.
    #[error("{0}")]
    Retryable(Reason),
    /// The disk that it was prepared on is full: another try succeeds when there is room again.
    #[error("{0}")]
    NoRoom(Reason),
}

impl PrepareError {
    pub(crate) fn rejected(code: ReasonCode, message: impl Into<String>) -> Self {
        Self::Rejected(Reason::new(code, message))
    }

    /// Reading the upload needs more than a reader may have.
    pub(crate) fn memory_refused(memory_limit_bytes: u64) -> Self {
        Self::rejected(
            ReasonCode::MemoryLimitExceeded,
            format!(
                "reading needs more than {} MiB of memory",
                memory_limit_bytes >> 20
            ),
        )
    }

    pub(crate) fn retryable(code: ReasonCode, message: impl Into<String>) -> Self {
        Self::Retryable(Reason::new(code, message))
    }

    pub fn reason(&self) -> &Reason {
        match self {
            Self::Rejected(reason) | Self::Retryable(reason) | Self::NoRoom(reason) => reason,
        }
    }

    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Retryable(_) | Self::NoRoom(_))
    }
}

impl From<ImagingError> for PrepareError {
    fn from(error: ImagingError) -> Self {
        if matches!(&error, ImagingError::Io(io) if memory_ran_out(io)) {
            Self::rejected(
                ReasonCode::MemoryLimitExceeded,
                "reading needs more memory than a reader may have",
            )
        } else if error.is_retryable() {
            Self::Retryable(error.reason())
        } else {
            Self::Rejected(error.reason())
        }
    }
}

impl From<DeidentificationError> for PrepareError {
    fn from(error: DeidentificationError) -> Self {
        match error {
            DeidentificationError::Upload(error) => error.into(),
            DeidentificationError::Write(error) => error.into(),
            error @ DeidentificationError::NothingLeft(_) => {
                Self::rejected(ReasonCode::NoImagesFound, error.to_string())
            }
        }
    }
}

/// Writing what was prepared failed: the disk's fault, not the input's.
impl From<std::io::Error> for PrepareError {
    fn from(error: std::io::Error) -> Self {
        ObjectError::Io(error).into()
    }
}

impl From<ObjectError> for PrepareError {
    fn from(error: ObjectError) -> Self {
        if matches!(&error, ObjectError::Io(io) if memory_ran_out(io)) {
            return Self::rejected(
                ReasonCode::MemoryLimitExceeded,
                "packing what was prepared needs more memory than a reader may have",
            );
        }
        let reason = Reason::new(
            ReasonCode::Internal,
            format!("failed to write what was prepared: {error}"),
        );
        let is_full = matches!(
            &error,
            ObjectError::Io(io) if matches!(io.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
        );
        if is_full {
            Self::NoRoom(reason)
        } else {
            Self::Retryable(reason)
        }
    }
}

/// Whether an error of the disk or of a library is the allocator's word. zstd gives its own as text alone.
fn memory_ran_out(error: &std::io::Error) -> bool {
    let code = zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode::ZSTD_error_memory_allocation as usize;
    let words = zstd::zstd_safe::get_error_name(0_usize.wrapping_sub(code));
    error.kind() == ErrorKind::OutOfMemory || error.to_string() == words
}

#[cfg(test)]
mod tests {
    use std::io::Error;

    use super::*;

    #[test]
    fn refused_memory_is_told_from_a_failing_disk() {
        let reason_of = |error: PrepareError| (error.reason().code, error.is_retryable());
        let refused: [fn() -> Error; 3] = [
            || Error::other("Allocation error : not enough memory"),
            || Error::from(ErrorKind::OutOfMemory),
            || Error::from_raw_os_error(12),
        ];
        for error in refused {
            let rejected = (ReasonCode::MemoryLimitExceeded, false);
            assert_eq!(reason_of(error().into()), rejected);
            assert_eq!(reason_of(ImagingError::Io(error()).into()), rejected);
        }
        let disk: [fn() -> Error; 2] = [
            || Error::from_raw_os_error(5),
            || Error::from(ErrorKind::StorageFull),
        ];
        for error in disk {
            let retryable = (ReasonCode::Internal, true);
            assert_eq!(reason_of(error().into()), retryable);
            assert_eq!(reason_of(ImagingError::Io(error()).into()), retryable);
        }
    }
}
