//! Files with the frames of instances.

use std::num::NonZeroUsize;

use norma_domain::ScanId;
use tempfile::TempPath;

use crate::recently_used::RecentlyUsed;

/// Files with frames that were asked for last: a viewer asks for one frame after the other.
pub(super) const KEPT: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// A file of the spool folder with all frames of an instance.
pub(super) struct FrameFile {
    pub(super) path: TempPath,
    /// Where the first begins.
    pub(super) start: u64,
    pub(super) length: u64,
}

/// Files with frames, by the instance's UID and its scan.
pub(super) type FrameFiles = RecentlyUsed<(String, Option<ScanId>), FrameFile>;
