//! A study that comes two ways at one moment is looked at one way after the other: who asks whether it is here, and stores it where it is
//! not, has it in hand until it is stored.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use norma_database::{Database, StudyLock};
use norma_dicom_spool::StudyKey;
use norma_domain::StudyInstanceUid;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::problem::ApiError;

/// How often who has a study in hand says so.
const RENEWAL: Duration = Duration::from_secs(5);
/// One that said nothing for so long is taken for dead. If it lives nonetheless, it stores nothing any more.
const PATIENCE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// How long a request waits for who stores the same studies another way.
const PATIENCE_OF_REQUESTS: Duration = Duration::from_secs(30);

/// Studies of which nobody else stores anything while this is held, in whichever process.
pub(crate) struct StudiesInHand {
    database: Database,
    lock: StudyLock,
    renewing: JoinHandle<()>,
    is_released: bool,
}

impl StudiesInHand {
    /// Waits until nobody else has any of these studies in hand. `holder`: of the request, or of the received study.
    ///
    /// # Errors
    /// [`ApiError::StudyInHand`] where that takes longer than `longest`.
    pub(crate) async fn take(
        database: &Database,
        studies: BTreeSet<StudyKey>,
        holder: Uuid,
        longest: Duration,
    ) -> Result<Self, ApiError> {
        let lock = StudyLock {
            study_keys: studies.iter().map(StudyKey::to_string).collect(),
            holder,
        };
        let until = Instant::now() + longest;
        let mut pause = FIRST_PAUSE;
        while !database.lock_studies(lock.clone(), PATIENCE).await? {
            if Instant::now() >= until {
                return Err(ApiError::StudyInHand);
            }
            sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
        Ok(Self {
            database: database.clone(),
            renewing: tokio::spawn(renew(database.clone(), lock.clone())),
            lock,
            is_released: false,
        })
    }

    /// The studies of a request, by their UIDs; None where it names none.
    ///
    /// # Errors
    /// As of [`StudiesInHand::take`].
    pub(crate) async fn of_request(
        database: &Database,
        uids: impl Iterator<Item = StudyInstanceUid>,
    ) -> Result<Option<Arc<Self>>, ApiError> {
        let studies: BTreeSet<StudyKey> = uids.map(|uid| StudyKey::of(&uid)).collect();
        if studies.is_empty() {
            return Ok(None);
        }
        let in_hand = Self::take(database, studies, Uuid::now_v7(), PATIENCE_OF_REQUESTS).await?;
        Ok(Some(Arc::new(in_hand)))
    }

    /// To be kept by what stores something of these studies.
    pub(crate) fn lock(&self) -> StudyLock {
        self.lock.clone()
    }

    pub(crate) async fn release(mut self) {
        self.is_released = true;
        self.renewing.abort();
        unlock(self.database.clone(), self.lock.clone()).await;
    }
}

impl Drop for StudiesInHand {
    fn drop(&mut self) {
        self.renewing.abort();
        if !self.is_released {
            tokio::spawn(unlock(self.database.clone(), self.lock.clone()));
        }
    }
}

async fn renew(database: Database, lock: StudyLock) {
    loop {
        sleep(RENEWAL).await;
        if let Err(error) = database.renew_study_lock(lock.clone()).await {
            tracing::warn!(%error, "that a study is being stored could not be said");
        }
    }
}

async fn unlock(database: Database, lock: StudyLock) {
    if let Err(error) = database.unlock_studies(lock).await {
        tracing::warn!(%error, "a study is given free when its lock has grown old");
    }
}
