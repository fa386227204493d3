//! Whether there is room for one more upload: a disk that runs full would end what was accepted already.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use norma_database::WaitingWork;

use crate::gateway::Gateway;
use crate::options::StorageLimits;
use crate::problem::ApiError;

/// Room for the uploads that are being received here: none of them is in the database yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room {
    reserved: Arc<AtomicU64>,
}

/// The room of one upload, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    bytes: u64,
    reserved: Arc<AtomicU64>,
}

impl Room {
    /// Reserves room. Gives what was reserved before, too.
    fn reserve(&self, bytes: u64) -> (Reservation, u64) {
        let reserved = Arc::clone(&self.reserved);
        let before = reserved.fetch_add(bytes, Ordering::SeqCst);
        (Reservation { bytes, reserved }, before)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.reserved.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}

impl StorageLimits {
    /// What analyses will write of so many studies with so many bytes of originals.
    fn written_for(self, studies: u64, original_bytes: u64) -> u64 {
        original_bytes
            .saturating_mul(self.written_per_byte)
            .saturating_add(studies.saturating_mul(self.written_per_study_bytes))
    }

    /// What one upload takes: itself and what its analysis will write.
    fn taken_by(self, size_bytes: u64) -> u64 {
        size_bytes.saturating_add(self.written_for(1, size_bytes))
    }

    /// What has to be free before an upload is taken, beside others that take `others` bytes and studies that wait.
    fn needed_for(self, size_bytes: u64, others: u64, waiting: WaitingWork) -> u64 {
        self.free_floor_bytes
            .saturating_add(self.taken_by(size_bytes))
            .saturating_add(others)
            .saturating_add(self.written_for(waiting.studies, waiting.original_bytes))
    }
}

/// Reserves the room of an upload of so many bytes.
///
/// # Errors
/// Where it would fill a disk below what stays free once everything accepted is written, or exceed the quota.
pub(crate) async fn reserve_room(
    gateway: &Gateway,
    room: &Room,
    size_bytes: u64,
) -> Result<Reservation, ApiError> {
    let limits = gateway.options.storage;
    check_free(&gateway.options.spool_folder, size_bytes, limits.free_floor_bytes)?;
    // Far from the end of a 64-bit sum, however many come.
    let taken = limits.taken_by(size_bytes).min(1 << 53);
    let (reservation, others) = room.reserve(taken);
    // Asked first: what is written meanwhile counts twice rather than not at all.
    let waiting = gateway.database.waiting_work().await?;
    if let Some(free) = gateway.objects.free_bytes().await?
        && free < limits.needed_for(size_bytes, others, waiting)
    {
        return Err(ApiError::LowOnStorage);
    }
    if limits.quota_bytes > 0 {
        let stored = gateway.database.stored_bytes().await?;
        if stored.saturating_add(size_bytes) > limits.quota_bytes {
            return Err(ApiError::QuotaReached {
                limit_bytes: limits.quota_bytes,
            });
        }
    }
    Ok(reservation)
}

/// Refuses to write so many bytes where less than `floor_bytes` would stay free on the folder's disk.
pub(crate) fn check_free(folder: &Path, size_bytes: u64, floor_bytes: u64) -> Result<(), ApiError> {
    // A folder that cannot be asked is told by the write itself.
    let Ok(volume) = rustix::fs::statvfs(folder) else {
        return Ok(());
    };
    let free = volume.f_bavail.saturating_mul(volume.f_frsize);
    if free < size_bytes.saturating_add(floor_bytes) {
        return Err(ApiError::LowOnStorage);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: StorageLimits = StorageLimits {
        free_floor_bytes: 1000,
        quota_bytes: 0,
        written_per_byte: 2,
        written_per_study_bytes: 50,
    };

    #[test]
    fn a_disk_is_not_filled_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check_free(folder.path(), 1, 0).is_ok());
        assert!(matches!(
            check_free(folder.path(), 1, u64::MAX),
            Err(ApiError::LowOnStorage)
        ));
        assert!(matches!(
            check_free(folder.path(), u64::MAX, 1),
            Err(ApiError::LowOnStorage)
        ));
    }

    #[test]
    fn what_was_accepted_is_counted_with_all_that_it_will_write() {
        let nothing = WaitingWork::default();
        assert_eq!(LIMITS.needed_for(100, 0, nothing), 1000 + 100 + 200 + 50);
        let waiting = WaitingWork {
            studies: 3,
            original_bytes: 500,
        };
        assert_eq!(LIMITS.needed_for(100, 7, waiting), 1350 + 7 + 3 * 50 + 2 * 500);
        assert_eq!(LIMITS.needed_for(u64::MAX, 0, nothing), u64::MAX);
    }

    #[test]
    fn uploads_that_come_together_see_each_other() {
        let room = Room::default();
        let (first, before) = room.reserve(10);
        assert_eq!(before, 0);
        let (_second, before) = room.clone().reserve(5);
        assert_eq!(before, 10);
        drop(first);
        assert_eq!(room.reserve(1).1, 5);
    }
}
