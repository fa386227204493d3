//! What is here of a study.

use std::collections::BTreeMap;
use std::sync::Arc;

use norma_dicom_spool::{StatedInstance, StudyKey};
use norma_domain::StudyInstanceUid;

/// What is here of a study, on its way and stored.
#[derive(Debug, Clone)]
pub(crate) struct StudyHere {
    pub(crate) key: StudyKey,
    pub(crate) uid: StudyInstanceUid,
    /// What each instance says, by SOP Instance UID.
    pub(crate) instances: Arc<BTreeMap<String, StatedInstance>>,
}
