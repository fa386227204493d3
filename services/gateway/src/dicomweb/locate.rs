//! Instances by the UIDs of a path.

use std::collections::BTreeSet;
use std::io::{Cursor, Write};
use std::sync::Arc;

use actix_web::{HttpRequest, web};
use bytes::Bytes;
use norma_database::Analysis;
use norma_dicom_instances::{IndexedInstance, IndexedSeries};
use norma_dicom_results::{DicomResult, Language};
use norma_domain::{AnalysisStatus, ScanId, SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::dicomweb::holding::{Holding, Source};
use crate::dicomweb::indexes::DicomWeb;
use crate::identity::{Access, Notes};
use crate::problem::ApiError;
use crate::uploads::sender::Sender;
use crate::uploads::spool::{create_spool_file, storage_failure};

/// The UIDs of a path.
#[derive(Debug, Clone)]
pub(super) struct PathUids {
    pub(super) study: StudyInstanceUid,
    pub(super) series: Option<SeriesInstanceUid>,
    pub(super) instance: Option<SopInstanceUid>,
}

impl PathUids {
    /// Of a path with a study.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let part = |name| request.match_info().get(name);
        let invalid = || ApiError::InvalidParameter {
            parameter: "path".to_owned(),
            detail: "studies, series and instances are named by their UIDs".to_owned(),
        };
        let study = StudyInstanceUid::new(part("study").unwrap_or_default()).map_err(|_| invalid())?;
        let series = part("series")
            .map(SeriesInstanceUid::new)
            .transpose()
            .map_err(|_| invalid())?;
        let instance = part("instance")
            .map(SopInstanceUid::new)
            .transpose()
            .map_err(|_| invalid())?;
        Ok(Self {
            study,
            series,
            instance,
        })
    }
}

/// An instance in its holding.
#[derive(Clone)]
pub(super) struct Located {
    pub(super) holding: Arc<Holding>,
    pub(super) at: usize,
    /// Who asks for it.
    pub(super) sender: Sender,
}

impl Located {
    pub(super) fn instance(&self) -> &IndexedInstance {
        &self.holding.index.instances[self.at]
    }

    pub(super) fn series(&self) -> Option<&IndexedSeries> {
        let uid = &self.instance().series_instance_uid;
        self.holding
            .index
            .series
            .iter()
            .find(|series| series.series_instance_uid == *uid)
    }
}

impl DicomWeb {
    /// Every instance of a study that the caller may see, each once: of its scans, the newest first, then the answer to the
    /// newest analysis.
    pub(super) async fn study(
        self: &Arc<Self>,
        access: &Access,
        notes: &Notes,
        uid: &StudyInstanceUid,
    ) -> Result<Vec<Located>, ApiError> {
        let scans = self.scans(access, uid).await?;
        let newest = *scans.first().ok_or(ApiError::DicomObjectNotFound)?;
        notes.scan(newest);
        notes.object(newest);
        let sender = access.caller.owner();
        let mut holdings = self.holdings(&scans, &sender).await?;
        holdings.extend(self.answer_of(&scans, notes, &sender).await?);
        Ok(each_once(&holdings, &sender))
    }

    /// The instances of a study without the answer to its analysis, which is not made for a search through all studies.
    pub(super) async fn stored_instances(
        self: &Arc<Self>,
        access: &Access,
        uid: &StudyInstanceUid,
    ) -> Result<Vec<Located>, ApiError> {
        let scans = self.scans(access, uid).await?;
        let sender = access.caller.owner();
        Ok(each_once(&self.holdings(&scans, &sender).await?, &sender))
    }

    async fn holdings(&self, scans: &[ScanId], sender: &Sender) -> Result<Vec<Arc<Holding>>, ApiError> {
        let mut holdings = Vec::new();
        for scan in scans {
            match self.holding(*scan, sender).await {
                Ok(holding) => holdings.push(holding),
                // Deleted meanwhile.
                Err(ApiError::ScanNotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(holdings)
    }

    /// The instances of a path; never none.
    pub(super) async fn instances(
        self: &Arc<Self>,
        access: &Access,
        notes: &Notes,
        uids: &PathUids,
    ) -> Result<Vec<Located>, ApiError> {
        // Whoever asks for one instance was told of it; a study may have got more since.
        if uids.instance.is_none() {
            self.catch_up().await?;
        }
        let mut located = self.study(access, notes, &uids.study).await?;
        located.retain(|located| {
            let instance = located.instance();
            let is_of_series = uids
                .series
                .as_ref()
                .is_none_or(|uid| uid.as_str() == instance.series_instance_uid);
            let is_it = uids
                .instance
                .as_ref()
                .is_none_or(|uid| uid.as_str() == instance.sop_instance_uid);
            is_of_series && is_it
        });
        if located.is_empty() {
            return Err(ApiError::DicomObjectNotFound);
        }
        Ok(located)
    }

    /// The one instance of a path.
    pub(super) async fn instance(
        self: &Arc<Self>,
        access: &Access,
        notes: &Notes,
        uids: &PathUids,
    ) -> Result<Located, ApiError> {
        let mut located = self.instances(access, notes, uids).await?;
        Ok(located.swap_remove(0))
    }

    async fn scans(
        self: &Arc<Self>,
        access: &Access,
        uid: &StudyInstanceUid,
    ) -> Result<Vec<ScanId>, ApiError> {
        let database = &self.gateway.database;
        let find = || database.scans_of_dicom_study(uid.clone(), access.visible_owner());
        let scans = find().await?;
        if !scans.is_empty() {
            return Ok(scans);
        }
        self.catch_up().await?;
        Ok(find().await?)
    }

    /// The objects that say what the newest completed analysis of these scans found; None where there is none, or where it
    /// has no form in DICOM.
    async fn answer_of(
        &self,
        scans: &[ScanId],
        notes: &Notes,
        sender: &Sender,
    ) -> Result<Option<Arc<Holding>>, ApiError> {
        for scan_id in scans {
            let Some(scan) = self.gateway.database.scan(*scan_id).await? else {
                continue;
            };
            if scans.first() == Some(scan_id) {
                notes.patient(scan.patient_id);
            }
            let Some(analysis_id) = scan.latest_analysis_id else {
                continue;
            };
            if let Some(made) = self.made.get(&analysis_id) {
                return Ok(Some(made));
            }
            let analysis = self.gateway.database.analysis(analysis_id).await?;
            let Some(analysis) = analysis.filter(|analysis| analysis.status == AnalysisStatus::Completed)
            else {
                continue;
            };
            if let Some(made) = self.make_answer(&analysis, sender).await? {
                return Ok(Some(made));
            }
        }
        Ok(None)
    }

    async fn make_answer(
        &self,
        analysis: &Analysis,
        sender: &Sender,
    ) -> Result<Option<Arc<Holding>>, ApiError> {
        let objects = match self.results.objects_of(analysis, Language::English).await {
            Ok(objects) => objects,
            Err(
                ApiError::NoDicomResults
                | ApiError::VolumeNotPrepared
                | ApiError::AnalysisNotFound
                | ApiError::ScanNotFound,
            ) => return Ok(None),
            Err(error) => return Err(error),
        };
        let spool = self.gateway.options.spool_folder.clone();
        let (archive, file) = web::block(move || -> std::io::Result<_> {
            let archive = archive_of(&objects).map_err(std::io::Error::other)?;
            let (mut file, path) = create_spool_file(&spool)?;
            file.write_all(&archive)?;
            Ok((archive, path))
        })
        .await
        .map_err(ApiError::internal)?
        .map_err(storage_failure)?;
        let (_, container) =
            create_spool_file(&self.gateway.options.spool_folder).map_err(storage_failure)?;
        let index = self.uploads.reader.index(sender, &file, &container).await?;
        let index =
            index.ok_or_else(|| ApiError::internal(anyhow::anyhow!("our own objects cannot be read")))?;
        let container = tokio::fs::read(&container).await.map_err(storage_failure)?;
        let made = Arc::new(Holding {
            source: Source::Made {
                analysis: analysis.id,
                archive: archive.into(),
                container: Bytes::from(container),
            },
            index,
        });
        self.made.insert(analysis.id, Arc::clone(&made));
        Ok(Some(made))
    }
}

fn each_once(holdings: &[Arc<Holding>], sender: &Sender) -> Vec<Located> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut located = Vec::new();
    for holding in holdings {
        for (at, instance) in holding.index.instances.iter().enumerate() {
            if seen.insert(&instance.sop_instance_uid) {
                located.push(Located {
                    holding: Arc::clone(holding),
                    at,
                    sender: sender.clone(),
                });
            }
        }
    }
    located
}

/// The objects side by side, not compressed, so that each can be read in place.
fn archive_of(objects: &[DicomResult]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for object in objects {
        archive.start_file(format!("{}.dcm", object.name), options)?;
        archive.write_all(&object.bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}
