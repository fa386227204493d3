//! The objects that were made last: a client asks for each of them, and all of them are made at once.

use std::num::NonZeroUsize;
use std::sync::Arc;

use norma_dicom_results::{DicomResult, Language};
use norma_domain::AnalysisId;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::kept::Kept;
use crate::problem::ApiError;
use crate::recently_used::{About, RecentlyUsed, Subject};

/// Analyses kept: some tens of megabytes each, most of them masks.
const KEPT: NonZeroUsize = NonZeroUsize::new(2).unwrap();
/// Made at once: each fetches a whole study to the disk.
const AT_ONCE: usize = 1;

type Key = (AnalysisId, Language);

impl About for Key {
    fn subject(&self) -> Subject {
        Subject::Analysis(self.0)
    }
}

/// Objects by their analysis and language.
pub(super) struct ResultObjects {
    kept: RecentlyUsed<Key, Vec<DicomResult>>,
    places: Semaphore,
}

impl ResultObjects {
    pub(super) fn new(kept: &Kept) -> Self {
        Self {
            kept: kept.recently_used(KEPT),
            places: Semaphore::new(AT_ONCE),
        }
    }

    pub(super) fn get(&self, key: Key) -> Option<Arc<Vec<DicomResult>>> {
        self.kept.get(&key)
    }

    pub(super) fn keep(&self, key: Key, objects: Vec<DicomResult>) -> Arc<Vec<DicomResult>> {
        let objects = Arc::new(objects);
        self.kept.insert(key, Arc::clone(&objects));
        objects
    }

    /// Waits for its turn to make objects.
    pub(super) async fn place(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        self.places.acquire().await.map_err(ApiError::internal)
    }
}
