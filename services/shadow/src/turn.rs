//! Whose turn it is: what people wait for goes first.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use norma_database::DatabaseError;
use norma_service::Context;
use uuid::Uuid;

const LEASE: &str = "shadow";
/// A process that was killed gives its place up after this.
const LEASE_FOR: Duration = Duration::from_secs(60);
/// How often the lease is taken anew, and it is asked whether analyses wait.
pub(crate) const INTERVAL: Duration = Duration::from_secs(2);

/// The place of the one process of an installation that reads.
pub(crate) struct Place {
    context: Context,
    holder: Uuid,
    taken: Mutex<Option<Instant>>,
    /// The bundle that is read with, once it is open.
    bundle_sha256: OnceLock<String>,
}

impl Place {
    pub(crate) fn of(context: &Context) -> Self {
        Self {
            context: context.clone(),
            holder: Uuid::now_v7(),
            taken: Mutex::default(),
            bundle_sha256: OnceLock::new(),
        }
    }

    /// From now on it is told that this bundle reads.
    pub(crate) fn reads_with(&self, bundle_sha256: String) {
        let _ = self.bundle_sha256.set(bundle_sha256);
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether this process is the one that reads. Says every twenty seconds that it is there, also while a study is at work or others are
    /// waited for.
    pub(crate) async fn is_ours(&self) -> Result<bool, DatabaseError> {
        let now = Instant::now();
        let taken = *self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.is_some_and(|taken| now - taken < LEASE_FOR / 3) {
            return Ok(true);
        }
        let database = &self.context.database;
        let is_ours = database.take_lease(LEASE, self.holder, LEASE_FOR).await?;
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = is_ours.then_some(now);
        if is_ours && let Some(sha256) = self.bundle_sha256.get() {
            database.note_shadow_reader(Some(sha256.clone()), None).await?;
        }
        Ok(is_ours)
    }

    pub(crate) async fn leave(&self) {
        if let Err(error) = self.context.database.release_lease(LEASE, self.holder).await {
            tracing::debug!(%error, "failed to give the place of the second bundle back");
        }
    }

    /// Waits for something that takes long, and stays the one that reads meanwhile. None where the process is to end before.
    pub(crate) async fn while_waiting<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Some(done),
                () = self.context.shutdown.cancelled() => return None,
                () = tokio::time::sleep(LEASE_FOR / 3) => {
                    if let Err(error) = self.is_ours().await {
                        tracing::debug!(%error, "failed to keep the place of the second bundle");
                    }
                }
            }
        }
    }

    /// Returns when nothing waits or is at work, or at once where the settings do not ask for that. False where the process is to end
    /// before.
    pub(crate) async fn comes(&self) -> Result<bool, DatabaseError> {
        let context = &self.context;
        while context.settings.analysis.shadow.only_when_idle
            && context.database.has_unfinished_analyses().await?
        {
            tokio::select! {
                () = context.shutdown.cancelled() => return Ok(false),
                () = tokio::time::sleep(INTERVAL) => {}
            }
            self.is_ours().await?;
        }
        Ok(!context.shutdown.is_cancelled())
    }
}
