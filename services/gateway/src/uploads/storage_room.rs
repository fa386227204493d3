//! Whether there is room for one more upload: a disk that runs full would end what was accepted already.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use norma_database::{Database, DatabaseError, StoredWork, WaitingWork};

use crate::gateway::Gateway;
use crate::options::StorageLimits;
use crate::problem::ApiError;
use crate::uploads::sender::Sender;

/// Room for the uploads that are being received here, by who sends them: none of them is in the database yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room {
    reserved: Arc<Mutex<HashMap<Sender, u64>>>,
}

/// The room of one upload, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    sender: Sender,
    bytes: u64,
    room: Room,
}

/// What was reserved before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Others {
    /// By everybody.
    all: u64,
    /// By the same sender.
    own: u64,
}

impl Room {
    /// Reserves room. Gives what was reserved before, too.
    fn reserve(&self, sender: Sender, bytes: u64) -> (Reservation, Others) {
        let mut reserved = self.reserved();
        let all = reserved.values().sum();
        let of_sender = reserved.entry(sender.clone()).or_default();
        let own = *of_sender;
        *of_sender += bytes;
        drop(reserved);
        let room = self.clone();
        (Reservation { sender, bytes, room }, Others { all, own })
    }

    fn reserved(&self) -> MutexGuard<'_, HashMap<Sender, u64>> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut reserved = self.room.reserved();
        if let Some(of_sender) = reserved.get_mut(&self.sender) {
            *of_sender = of_sender.saturating_sub(self.bytes);
            if *of_sender == 0 {
                reserved.remove(&self.sender);
            }
        }
    }
}

impl StorageLimits {
    /// What analyses will write of so many studies with so many bytes of originals.
    fn written_for(self, studies: u64, original_bytes: u64) -> u64 {
        original_bytes
            .saturating_mul(self.written_per_byte)
            .saturating_add(studies.saturating_mul(self.written_per_study_bytes))
    }

    /// What an upload of so many studies takes: itself and what its analyses will write.
    fn taken_by(self, studies: u64, size_bytes: u64) -> u64 {
        size_bytes.saturating_add(self.written_for(studies, size_bytes))
    }

    /// What is stored: originals, what analyses have written beside them or will, and indexes of instances.
    fn stored_by(self, stored: StoredWork) -> u64 {
        stored
            .original_bytes
            .saturating_add(self.written_for(stored.analyses, stored.analysed_bytes))
            .saturating_add(stored.index_bytes)
    }

    /// What has to be free before an upload that takes so much is taken, beside others that take `others` bytes and studies
    /// that wait.
    fn needed_for(self, taken: u64, others: u64, waiting: WaitingWork) -> u64 {
        self.free_floor_bytes
            .saturating_add(taken)
            .saturating_add(others)
            .saturating_add(self.written_for(waiting.studies, waiting.original_bytes))
    }
}

/// Reserves the room of an upload of so many studies and bytes.
///
/// # Errors
/// Where it would fill a disk below what stays free once everything accepted is written, or exceed the quota.
pub(crate) async fn reserve_room(
    gateway: &Gateway,
    room: &Room,
    sender: Sender,
    studies: u64,
    size_bytes: u64,
) -> Result<Reservation, ApiError> {
    let limits = gateway.options.storage;
    check_free(&gateway.options.spool_folder, size_bytes, limits.free_floor_bytes)?;
    // Far from the end of a 64-bit sum, however many come.
    let taken = limits.taken_by(studies, size_bytes).min(1 << 53);
    let (reservation, others) = room.reserve(sender.clone(), taken);
    // Asked first: what is written meanwhile counts twice rather than not at all.
    let waiting = gateway.database.waiting_work().await?;
    if let Some(free) = gateway.objects.free_bytes().await?
        && free < limits.needed_for(taken, others.all, waiting)
    {
        return Err(ApiError::LowOnStorage);
    }
    // Asked after the room was reserved: uploads side by side count twice rather than not at all.
    check_quotas(gateway, &sender, others, taken).await?;
    Ok(reservation)
}

/// Reserves the room of an index beside its original, for whoever uploaded the scan. An archive in an archive may hold much more
/// than it is; an index that is no larger than its original is kept, quota or not: a study that was accepted can be read.
///
/// # Errors
/// Where it would fill the disk, or a larger one a quota.
pub(crate) async fn reserve_index(
    gateway: &Gateway,
    room: &Room,
    owner: Sender,
    (original_bytes, index_bytes): (u64, u64),
) -> Result<Reservation, ApiError> {
    let floor = gateway.options.storage.free_floor_bytes;
    let (reservation, others) = room.reserve(owner.clone(), index_bytes);
    if let Some(free) = gateway.objects.free_bytes().await?
        && free < index_bytes.saturating_add(others.all).saturating_add(floor)
    {
        return Err(ApiError::LowOnStorage);
    }
    if index_bytes > original_bytes {
        check_quotas(gateway, &owner, others, index_bytes).await?;
    }
    Ok(reservation)
}

/// Refuses so many bytes more where a quota, of all or of the sender, does not hold them.
async fn check_quotas(
    gateway: &Gateway,
    sender: &Sender,
    others: Others,
    taken: u64,
) -> Result<(), ApiError> {
    let limits = gateway.options.storage;
    let of_all = (None, others.all, limits.quota_bytes);
    let of_sender = sender
        .clone()
        .map(|owner| (Some(owner), others.own, limits.identity_quota_bytes));
    for (owner, reserved, limit_bytes) in [Some(of_all), of_sender].into_iter().flatten() {
        if limit_bytes == 0 {
            continue;
        }
        let stored = limits.stored_by(gateway.database.stored_work(owner).await?);
        if stored.saturating_add(reserved).saturating_add(taken) > limit_bytes {
            return Err(ApiError::QuotaReached { limit_bytes });
        }
    }
    Ok(())
}

/// What is stored as the quota counts it, where that reaches it: until something is deleted, every upload is refused.
pub(crate) async fn over_quota(
    database: &Database,
    limits: StorageLimits,
) -> Result<Option<u64>, DatabaseError> {
    if limits.quota_bytes == 0 {
        return Ok(None);
    }
    let stored = limits.stored_by(database.stored_work(None).await?);
    Ok((stored >= limits.quota_bytes).then_some(stored))
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
    use norma_database::Owner;

    use super::*;

    const LIMITS: StorageLimits = StorageLimits {
        free_floor_bytes: 1000,
        quota_bytes: 0,
        identity_quota_bytes: 0,
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
        let taken = LIMITS.taken_by(1, 100);
        assert_eq!(LIMITS.needed_for(taken, 0, nothing), 1000 + 100 + 200 + 50);
        assert_eq!(LIMITS.taken_by(3, 100), 100 + 200 + 3 * 50);
        let waiting = WaitingWork {
            studies: 3,
            original_bytes: 500,
        };
        assert_eq!(LIMITS.needed_for(taken, 7, waiting), 1350 + 7 + 3 * 50 + 2 * 500);
        assert_eq!(LIMITS.needed_for(u64::MAX, 0, nothing), u64::MAX);
    }

    #[test]
    fn a_quota_counts_what_analyses_write() {
        let stored = StoredWork {
            scans: 2,
            original_bytes: 300,
            analyses: 1,
            analysed_bytes: 100,
            index_bytes: 7,
        };
        assert_eq!(LIMITS.stored_by(stored), 300 + 2 * 100 + 50 + 7);
    }

    #[test]
    fn uploads_that_come_together_see_each_other() {
        let room = Room::default();
        let scope = |name: &str| Some(Owner::Scope(name.to_owned()));
        let (first, others) = room.reserve(scope("a"), 10);
        assert_eq!((others.all, others.own), (0, 0));
        let (_second, others) = room.clone().reserve(scope("b"), 5);
        assert_eq!((others.all, others.own), (10, 0));
        drop(first);
        let (_third, others) = room.reserve(scope("b"), 1);
        assert_eq!((others.all, others.own), (5, 5));
        assert_eq!(room.reserve(scope("a"), 0).1.own, 0);
    }
}
