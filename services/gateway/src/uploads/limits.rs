//! What one upload may take.

use std::path::PathBuf;
use std::time::Duration;

/// Where uploads are spooled and what they may take.
#[derive(Debug, Clone)]
pub struct UploadLimits {
    pub spool_folder: PathBuf,
    pub file_bytes: u64,
    /// How long a client may send nothing.
    pub idle: Duration,
    /// Slower than this, once `idle` has passed since the form began, and the upload is given up.
    pub least_bytes_per_second: u64,
    /// However quickly it came, a form that is not whole after this long is given up.
    pub deadline: Duration,
    /// More fields than this are no form of ours.
    pub fields: usize,
    /// The longest text field, in bytes.
    pub text_bytes: usize,
    /// What stays free on the spool folder's disk.
    pub free_floor_bytes: u64,
}
