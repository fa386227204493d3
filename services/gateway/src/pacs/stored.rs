//! What is stored of studies of which something comes.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use norma_database::{AuditOutcome, NewAuditEvent};
use norma_dicom_spool::{EarlierStudy, Held, StudyKey};
use norma_domain::ScanId;
use norma_object_storage::ObjectKey;
use tempfile::TempPath;
use tokio::sync::OnceCell;

use crate::gateway::Gateway;
use crate::problem::ApiError;
use crate::uploads::spool::{create_spool_file, storage_failure};

/// The latest scan of a study that came by DICOM, with its archive at hand.
pub(super) struct StoredStudy {
    pub(super) scan_id: ScanId,
    archive: TempPath,
}

impl StoredStudy {
    pub(super) async fn fetch(gateway: &Gateway, scan_id: ScanId) -> Result<Self, ApiError> {
        let (_, archive) = create_spool_file(&gateway.options.spool_folder).map_err(storage_failure)?;
        let original = ObjectKey::Original(scan_id);
        gateway.objects.get_to_file(original, &archive).await?;
        Ok(Self { scan_id, archive })
    }

    /// Blocks.
    pub(super) fn open(&self) -> std::io::Result<EarlierStudy> {
        EarlierStudy::open(&self.archive)
    }
}

type Looked = Arc<OnceCell<Option<Arc<StoredStudy>>>>;

/// What is stored of the studies that may get more instances; looked up once for each.
pub(super) struct StoredStudies {
    gateway: Arc<Gateway>,
    looked_up: Mutex<HashMap<StudyKey, Looked>>,
}

impl StoredStudies {
    pub(super) fn new(gateway: Arc<Gateway>) -> Self {
        Self {
            gateway,
            looked_up: Mutex::default(),
        }
    }

    /// Whether an instance with this name is stored with another data set. Where that cannot be asked, the hand-over asks again.
    pub(super) async fn contradicts(
        &self,
        study: &StudyKey,
        sop_instance_uid: &str,
        file: &Path,
    ) -> Option<ScanId> {
        let stored = match self.of(study).await {
            Ok(stored) => stored?,
            Err(error) => {
                tracing::warn!(
                    code = error.code(),
                    "what is stored of a study is not known while it comes"
                );
                return None;
            }
        };
        let scan_id = stored.scan_id;
        let (uid, file) = (sop_instance_uid.to_owned(), file.to_owned());
        let held = tokio::task::spawn_blocking(move || stored.open()?.held(&uid, &file)).await;
        matches!(held, Ok(Ok(Held::Other))).then_some(scan_id)
    }

    async fn of(&self, study: &StudyKey) -> Result<Option<Arc<StoredStudy>>, ApiError> {
        let looked = Arc::clone(self.looked_up().entry(study.clone()).or_default());
        let found = looked.get_or_try_init(|| async {
            let latest = self.gateway.database.latest_received_study(study.to_string());
            match latest.await? {
                Some(latest) => {
                    let stored = StoredStudy::fetch(&self.gateway, latest.scan_id).await?;
                    Ok(Some(Arc::new(stored)))
                }
                None => Ok(None),
            }
        });
        found.await.cloned()
    }

    /// Of a study that is complete: what comes of it from now on is held against what will be stored then.
    pub(super) fn forget(&self, study: &StudyKey) {
        self.looked_up().remove(study);
    }

    fn looked_up(&self) -> MutexGuard<'_, HashMap<StudyKey, Looked>> {
        self.looked_up.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells people that instances came again with another data set: what was stored stays. `scan_id`: of what is stored; None while that
/// is on its way.
pub(super) async fn note_other_content(gateway: &Gateway, scan_id: Option<ScanId>, detail: String) {
    let mut event = NewAuditEvent::of_system("pacs", "pacs.other_content");
    if let Some(scan_id) = scan_id {
        event = event.about("scan", scan_id);
    }
    event.scan_id = scan_id;
    event.outcome = AuditOutcome::Refused;
    event.detail = detail;
    if let Err(error) = gateway.database.append_audit_events(vec![event]).await {
        tracing::error!(%error, "the audit trail was not told that an instance came with other content");
    }
}
