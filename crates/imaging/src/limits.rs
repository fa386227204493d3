use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::error::{ImagingError, LimitKind};

/// What an upload may cost. Checked before the work is done, from what the upload declares, and again
/// while it is done, because uploads lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Entries of all archives of an upload together, or files of a folder.
    pub archive_entries: u64,
    /// Bytes that the upload's archives unpack to, all together.
    pub uncompressed_bytes: u64,
    /// How many times its compressed size an archive may unpack to…
    pub compression_ratio: u64,
    /// …once it unpacks to more than this: small archives of uniform slices compress well.
    pub ratio_free_bytes: u64,
    /// Archives in archives: 1 is a plain zip.
    pub archive_nesting: u32,
    /// Bytes of one DICOM file.
    pub file_bytes: u64,
    /// Bytes of a DICOM file before its pixel data.
    pub header_bytes: u64,
    /// Voxels of the series that is decoded.
    pub voxels: u64,
    /// Pixels of one frame.
    pub frame_pixels: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive_entries: 100_000,
            uncompressed_bytes: 16 << 30,
            compression_ratio: 200,
            ratio_free_bytes: 256 << 20,
            archive_nesting: 5,
            file_bytes: 2 << 30,
            header_bytes: 64 << 20,
            voxels: 512 << 20,
            frame_pixels: 32 << 20,
        }
    }
}

/// What has been spent of the limits by one upload.
#[derive(Debug)]
pub(crate) struct Spent {
    /// Bytes of the upload as it came: all that is unpacked, however deep it lies, comes of these.
    received: u64,
    entries: AtomicU64,
    uncompressed: AtomicU64,
}

impl Spent {
    pub(crate) fn of(received: u64) -> Self {
        Self {
            received,
            entries: AtomicU64::new(0),
            uncompressed: AtomicU64::new(0),
        }
    }

    pub(crate) fn add_entries(&self, count: u64, limits: &Limits) -> Result<(), ImagingError> {
        let measured = self
            .entries
            .fetch_add(count, Ordering::Relaxed)
            .saturating_add(count);
        within(LimitKind::ArchiveEntries, measured, limits.archive_entries)
    }

    pub(crate) fn add_uncompressed(&self, bytes: u64, limits: &Limits) -> Result<(), ImagingError> {
        // An update that saturates: the declared sizes of a lying archive may sum up to more than 2⁶⁴.
        let before = self
            .uncompressed
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |sum| {
                Some(sum.saturating_add(bytes))
            })
            .unwrap_or(u64::MAX);
        let measured = before.saturating_add(bytes);
        within(LimitKind::UncompressedBytes, measured, limits.uncompressed_bytes)?;
        // Over all layers together: each by itself may stay within the ratio.
        check_ratio(self.received, measured, limits)
    }
}

/// Fails where `measured` is above `limit`.
pub(crate) fn within(kind: LimitKind, measured: u64, limit: u64) -> Result<(), ImagingError> {
    if measured > limit {
        return Err(ImagingError::ArchiveLimitExceeded {
            kind,
            measured,
            limit,
        });
    }
    Ok(())
}

/// Fails where unpacking `compressed` bytes to `uncompressed` is out of proportion.
pub(crate) fn check_ratio(compressed: u64, uncompressed: u64, limits: &Limits) -> Result<(), ImagingError> {
    if uncompressed <= limits.ratio_free_bytes {
        return Ok(());
    }
    within(
        LimitKind::CompressionRatio,
        uncompressed / compressed.max(1),
        limits.compression_ratio,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_lies_do_not_overflow() {
        let limits = Limits::default();
        let spent = Spent::of(1 << 40);
        assert!(spent.add_uncompressed(1, &limits).is_ok());
        for _ in 0..3 {
            assert!(spent.add_uncompressed(u64::MAX, &limits).is_err());
        }
        assert!(spent.add_entries(100_000, &limits).is_ok());
        assert!(spent.add_entries(1, &limits).is_err());
    }

    #[test]
    fn layers_that_each_keep_the_ratio_do_not_keep_it_together() {
        let limits = Limits::default();
        let spent = Spent::of(20_000);
        assert!(spent.add_uncompressed(limits.ratio_free_bytes, &limits).is_ok());
        assert!(spent.add_uncompressed(1, &limits).is_err());
        assert!(
            spent.add_uncompressed(0, &limits).is_err(),
            "nothing more is begun"
        );
    }

    #[test]
    fn the_ratio_counts_only_for_what_is_large() {
        let limits = Limits::default();
        assert!(check_ratio(0, limits.ratio_free_bytes, &limits).is_ok());
        assert!(check_ratio(1 << 20, limits.ratio_free_bytes + 1, &limits).is_err());
        assert!(check_ratio(1 << 30, 4 << 30, &limits).is_ok());
    }
}
