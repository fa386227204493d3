//! Files with the frames of instances.

use std::num::NonZeroUsize;

use tempfile::TempPath;

use crate::recently_used::{About, RecentlyUsed, Subject};

/// Files with frames that were asked for last: a viewer asks for one frame after the other.
pub(super) const KEPT: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// A file of the spool folder with all frames of an instance.
pub(super) struct FrameFile {
    pub(super) path: TempPath,
    /// Where the first begins.
    pub(super) start: u64,
    pub(super) length: u64,
}

/// An instance's UID, and the scan or the answer that it is of: other scans may hold the same instance.
type Key = (String, Subject);

impl About for Key {
    fn subject(&self) -> Subject {
        self.1
    }
}

/// Files with frames.
pub(super) type FrameFiles = RecentlyUsed<Key, FrameFile>;
