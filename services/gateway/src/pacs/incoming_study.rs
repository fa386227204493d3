//! What is read of a study that comes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use norma_dicom_network::AeTitle;
use norma_dicom_spool::{IncomingInstance, Spool, StatedInstance, StudyKey, stated_by, study_uid_of};
use norma_domain::StudyInstanceUid;

use crate::instance_counts::StudyHere;
use crate::pacs::stored::StoredStudies;
use crate::problem::ApiError;
use crate::uploads::spool::{blocking, storage_failure};

/// What was read of a study that comes, so that each file is read once.
#[derive(Debug, Default)]
pub(super) struct IncomingStudy {
    came: BTreeMap<String, StatedInstance>,
    /// What was stored of it before; None while that was not asked for.
    stored: Option<BTreeMap<String, StatedInstance>>,
    uid: Option<StudyInstanceUid>,
    /// Of the first of those that came.
    pub(super) first_came: Option<SystemTime>,
}

impl IncomingStudy {
    /// How many instances came.
    pub(super) fn came(&self) -> usize {
        self.came.len()
    }

    /// Who has sent something of it.
    pub(super) fn callers(&self) -> BTreeSet<AeTitle> {
        let titles = self.came.values().filter_map(|stated| stated.sent_by.as_deref());
        titles.filter_map(|title| title.parse().ok()).collect()
    }

    /// Reads what has come since.
    ///
    /// # Errors
    /// Where the spool cannot be read.
    pub(super) async fn refresh(&mut self, spool: &Arc<Spool>, key: &StudyKey) -> Result<(), ApiError> {
        let (spool, key) = (Arc::clone(spool), key.clone());
        let known: BTreeSet<String> = self.came.keys().cloned().collect();
        let is_named = self.uid.is_some();
        let looked = blocking(move || {
            let incoming = spool.incoming_of(&key)?;
            let first = incoming.values().map(|instance| instance.came_at).min();
            let uid = match incoming.values().next() {
                Some(instance) if !is_named => study_uid_of(&instance.path)?,
                _ => None,
            };
            let new = incoming.iter().filter(|(uid, _)| !known.contains(*uid));
            let new = new
                .map(|(uid, instance): (&String, &IncomingInstance)| Ok((uid.clone(), stated_by(instance)?)));
            Ok((first, uid, new.collect::<io::Result<Vec<_>>>()?))
        });
        let (first, uid, new) = looked.await?;
        self.first_came = first;
        self.uid = self.uid.take().or(uid);
        self.came.extend(new);
        Ok(())
    }

    /// What is here as a whole; None of a study that names itself in no file.
    ///
    /// # Errors
    /// Where what is stored cannot be asked for.
    pub(super) async fn here(
        &mut self,
        key: &StudyKey,
        spool: &Arc<Spool>,
        stored: &StoredStudies,
    ) -> Result<Option<StudyHere>, ApiError> {
        let Some(uid) = self.uid.clone() else {
            return Ok(None);
        };
        if self.stored.is_none() {
            let (spool, of) = (Arc::clone(spool), key.clone());
            let file = blocking(move || Ok(spool.incoming_of(&of)?.into_values().next())).await?;
            let file = file.ok_or_else(|| storage_failure(io::ErrorKind::NotFound.into()))?;
            self.stored = Some(stored.stated(key, &file.path).await?);
        }
        let mut instances = self.stored.clone().unwrap_or_default();
        instances.extend(
            self.came
                .iter()
                .map(|(uid, stated)| (uid.clone(), stated.clone())),
        );
        Ok(Some(StudyHere {
            key: key.clone(),
            uid,
            instances: Arc::new(instances),
        }))
    }
}
