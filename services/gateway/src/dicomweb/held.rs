//! What is here of a study by uploads and STOW-RS: what comes of it again is held against it.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use norma_dicom_instances::IndexedInstance;
use norma_dicom_spool::hold_same_data_set;
use norma_domain::{ScanId, StudyInstanceUid};

use crate::dicomweb::body::BodyError;
use crate::dicomweb::holding::Holding;
use crate::dicomweb::indexes::DicomWeb;
use crate::problem::ApiError;
use crate::uploads::sender::Sender;
use crate::uploads::spool::{blocking, create_spool_file, storage_failure};

/// The instances of a study that a scan holds.
pub(crate) struct HeldScan {
    pub(crate) scan_id: ScanId,
    holding: Arc<Holding>,
    /// Where each is in the index, by its SOP Instance UID.
    places: HashMap<String, usize>,
}

impl HeldScan {
    /// `is_meant`: of the instances of the scan.
    pub(super) fn of(
        scan_id: ScanId,
        holding: Arc<Holding>,
        is_meant: impl Fn(&IndexedInstance) -> bool,
    ) -> Self {
        let instances = holding.index.instances.iter().enumerate();
        let places = instances
            .filter(|(_, instance)| is_meant(instance))
            .map(|(at, instance)| (instance.sop_instance_uid.clone(), at))
            .collect();
        Self {
            scan_id,
            holding,
            places,
        }
    }

    pub(crate) fn holds(&self, sop_instance_uid: &str) -> bool {
        self.places.contains_key(sop_instance_uid)
    }

    /// SOP Instance UIDs, each with its SOP class.
    pub(crate) fn instances(&self) -> impl Iterator<Item = (&str, &str)> {
        let places = self.places.iter();
        places.filter_map(|(uid, at)| {
            let instance = self.holding.index.instances.get(*at)?;
            Some((uid.as_str(), instance.sop_class_uid.as_str()))
        })
    }

    /// SOP Instance UIDs, each with its series.
    pub(crate) fn series(&self) -> impl Iterator<Item = (&str, &str)> {
        let places = self.places.iter();
        places.filter_map(|(uid, at)| {
            let instance = self.holding.index.instances.get(*at)?;
            Some((uid.as_str(), instance.series_instance_uid.as_str()))
        })
    }

    fn instance(&self, sop_instance_uid: &str) -> Result<&IndexedInstance, ApiError> {
        let at = self.places.get(sop_instance_uid);
        at.and_then(|at| self.holding.index.instances.get(*at))
            .ok_or_else(|| ApiError::internal(anyhow::anyhow!("an instance is asked for that is not held")))
    }
}

/// The scan in which an instance came first, of scans of which the newest comes first.
pub(crate) fn first_to_hold<'a>(held: &'a [HeldScan], sop_instance_uid: &str) -> Option<&'a HeldScan> {
    held.iter().rev().find(|scan| scan.holds(sop_instance_uid))
}

impl DicomWeb {
    /// The scans of a study that came by uploads and STOW-RS, the newest first: of people, of the keys of `scope`, or of anybody where
    /// authentication was off. What a scan holds that cannot be indexed is not known.
    pub(crate) async fn held_of_study(
        &self,
        study: &StudyInstanceUid,
        scope: &str,
    ) -> Result<Vec<HeldScan>, ApiError> {
        let database = &self.gateway.database;
        // Neither prepared yet nor asked for by anybody.
        for (scan_id, owner) in database.scans_of_unknown_study(scope.to_owned()).await? {
            self.known(scan_id, &owner).await?;
        }
        let mut held = Vec::new();
        let scans = database.scans_held_of_study(study.clone(), scope.to_owned());
        for (scan_id, owner) in scans.await? {
            if let Some(holding) = self.known(scan_id, &owner).await? {
                let is_of_study = |instance: &IndexedInstance| instance.study_instance_uid == study.as_str();
                held.push(HeldScan::of(scan_id, holding, is_of_study));
            }
        }
        Ok(held)
    }

    /// None where a scan was deleted meanwhile, or has no index by its own or its owner's fault: neither is to hold others' studies up.
    async fn known(&self, scan_id: ScanId, owner: &Sender) -> Result<Option<Arc<Holding>>, ApiError> {
        match self.holding(scan_id, owner).await {
            Ok(holding) => Ok(Some(holding)),
            Err(ApiError::ScanNotFound) => Ok(None),
            Err(error) if error.is_final() || matches!(error, ApiError::QuotaReached { .. }) => {
                tracing::warn!(%scan_id, code = error.code(), "what a scan holds is not known");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a file has the data set of the instance that a scan holds under this SOP Instance UID.
    pub(crate) async fn holds_same<File: Read>(
        &self,
        held: &HeldScan,
        sop_instance_uid: &str,
        open: impl FnOnce() -> io::Result<File> + Send + 'static,
    ) -> Result<bool, ApiError> {
        let instance = held.instance(sop_instance_uid)?;
        let (file, path) = create_spool_file(&self.gateway.options.spool_folder).map_err(storage_failure)?;
        self.write(&held.holding, instance, tokio::fs::File::from_std(file))
            .await?;
        blocking(move || hold_same_data_set(fs::File::open(&path)?, open()?)).await
    }

    /// Writes the file of an instance that a scan holds.
    pub(crate) async fn write_held(
        &self,
        held: &HeldScan,
        sop_instance_uid: &str,
        to: &Path,
    ) -> Result<(), ApiError> {
        let file = tokio::fs::File::create(to).await.map_err(storage_failure)?;
        self.write(&held.holding, held.instance(sop_instance_uid)?, file)
            .await
    }

    async fn write(
        &self,
        holding: &Holding,
        instance: &IndexedInstance,
        mut file: tokio::fs::File,
    ) -> Result<(), ApiError> {
        let sent = holding
            .send_file(&self.gateway.objects, instance, &mut file)
            .await;
        sent.map_err(|error| match error {
            BodyError::Failed(error) => error,
            BodyError::ClientGone => {
                ApiError::internal(anyhow::anyhow!("a file has no reader that goes away"))
            }
        })?;
        tokio::io::AsyncWriteExt::flush(&mut file)
            .await
            .map_err(storage_failure)
    }
}
