//! What is stored of studies of which something comes.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use norma_database::{AuditOutcome, NewAuditEvent};
use norma_dicom_spool::{EarlierStudy, Held, StatedInstance, StudyKey, study_uid_of};
use norma_domain::ScanId;
use norma_object_storage::ObjectKey;
use tempfile::TempPath;
use tokio::sync::OnceCell;

use crate::dicomweb::{DicomWeb, HeldScan, first_to_hold};
use crate::gateway::Gateway;
use crate::problem::ApiError;
use crate::uploads::spool::{blocking, create_spool_file, storage_failure};

/// To whom belongs what came by DICOM: keys of this scope see it.
pub(super) const SCOPE: &str = "pacs";

/// The latest scan of a study that came by C-STORE, with its archive at hand.
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

/// What is here of a study.
struct Known {
    received: Option<StoredStudy>,
    /// By uploads and STOW-RS, the newest first.
    held: Vec<HeldScan>,
}

type Looked = Arc<OnceCell<Arc<Known>>>;

/// What is stored of the studies that may get more instances; looked up once for each.
pub(super) struct StoredStudies {
    gateway: Arc<Gateway>,
    web: Arc<DicomWeb>,
    looked_up: Mutex<HashMap<StudyKey, Looked>>,
}

impl StoredStudies {
    pub(super) fn new(gateway: Arc<Gateway>, web: Arc<DicomWeb>) -> Self {
        Self {
            gateway,
            web,
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
        match self.contradiction(study, sop_instance_uid, file).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(
                    code = error.code(),
                    "what is stored of a study is not known while it comes"
                );
                None
            }
        }
    }

    async fn contradiction(
        &self,
        study: &StudyKey,
        sop_instance_uid: &str,
        file: &Path,
    ) -> Result<Option<ScanId>, ApiError> {
        let known = self.of(study, file).await?;
        if let Some(scan_id) = known.received.as_ref().map(|received| received.scan_id) {
            let (uid, file, known) = (sop_instance_uid.to_owned(), file.to_owned(), Arc::clone(&known));
            let held = blocking(move || match &known.received {
                Some(received) => received.open()?.held(&uid, &file),
                None => Ok(Held::Nothing),
            });
            match held.await? {
                Held::Nothing => {}
                Held::Same => return Ok(None),
                Held::Other => return Ok(Some(scan_id)),
            }
        }
        let Some(first) = first_to_hold(&known.held, sop_instance_uid) else {
            return Ok(None);
        };
        let file = file.to_owned();
        let same = self.web.holds_same(first, sop_instance_uid, || File::open(file));
        Ok((!same.await?).then_some(first.scan_id))
    }

    /// What is stored of a study says, by SOP Instance UID; of what uploads and STOW-RS brought its series alone. `file`: one of the
    /// study.
    pub(super) async fn stated(
        &self,
        study: &StudyKey,
        file: &Path,
    ) -> Result<BTreeMap<String, StatedInstance>, ApiError> {
        let known = self.of(study, file).await?;
        let mut all = BTreeMap::new();
        for (uid, series) in known.held.iter().flat_map(HeldScan::series) {
            let stated = StatedInstance {
                series_instance_uid: Some(series.to_owned()),
                ..StatedInstance::default()
            };
            all.insert(uid.to_owned(), stated);
        }
        if known.received.is_some() {
            let stated = blocking(move || match &known.received {
                Some(received) => received.open()?.stated(),
                None => Ok(BTreeMap::new()),
            });
            all.extend(stated.await?);
        }
        Ok(all)
    }

    /// `file`: one of the study.
    async fn of(&self, study: &StudyKey, file: &Path) -> Result<Arc<Known>, ApiError> {
        let looked = Arc::clone(self.looked_up().entry(study.clone()).or_default());
        let found = looked.get_or_try_init(|| async {
            let latest = self.gateway.database.latest_received_study(study.to_string());
            let received = match latest.await? {
                Some(latest) => Some(StoredStudy::fetch(&self.gateway, latest.scan_id).await?),
                None => None,
            };
            let held = held_of(&self.web, file.to_owned()).await?;
            Ok(Arc::new(Known { received, held }))
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

/// What uploads and STOW-RS have brought of the study of a file, the newest scan first.
pub(super) async fn held_of(web: &DicomWeb, file: PathBuf) -> Result<Vec<HeldScan>, ApiError> {
    match blocking(move || study_uid_of(&file)).await? {
        Some(study) => web.held_of_study(&study, SCOPE).await,
        None => Ok(Vec::new()),
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
