//! Indexes of stored scans: made when they are needed first, kept beside the original.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use norma_database::{DicomStudy, Owner};
use norma_dicom_instances::{Attributes, InstanceIndex, Span, TRAILER_BYTES, find_index, read_index};
use norma_domain::ScanId;
use norma_object_storage::ObjectKey;
use serde_json::Value;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::dicom_results::DicomResults;
use crate::dicomweb::frame_files::{self, FrameFiles};
use crate::dicomweb::holding::{Holding, Source};
use crate::gateway::Gateway;
use crate::places::{Places, Seat};
use crate::problem::ApiError;
use crate::recently_used::RecentlyUsed;
use crate::uploads::Uploads;
use crate::uploads::sender::Sender;
use crate::uploads::spool::{create_spool_file, fetch_original, storage_failure};

/// Indexes kept in memory: one of a study of a thousand slices takes a megabyte.
const KEPT: NonZeroUsize = NonZeroUsize::new(16).unwrap();
/// Answers as instances kept in memory.
const MADE_KEPT: NonZeroUsize = NonZeroUsize::new(2).unwrap();
/// How long a request waits for scans that are not indexed yet.
const PATIENCE: Duration = Duration::from_secs(15);
/// Scans looked up in one go.
const BATCH: u32 = 200;
/// Files fetched and unpacked side by side, of which one identity has one: each may take as much of the disk as an upload.
const TURNS: usize = 2;
/// Searches through all studies side by side, of which one identity has one: each looks into as many studies as there are.
const SEARCHES: usize = 4;
/// How long a scan whose index a quota refused is left alone: making one to throw it away takes as long as one that is kept.
const REFUSED_FOR: Duration = Duration::from_mins(10);
/// Requests of one identity that wait for that.
const MOST_WAITING: usize = 256;

/// What the routes of DICOMweb share.
pub(crate) struct DicomWeb {
    pub(super) gateway: Arc<Gateway>,
    pub(super) uploads: Arc<Uploads>,
    pub(super) results: Arc<DicomResults>,
    pub(super) frames: FrameFiles,
    pub(super) made: RecentlyUsed<norma_domain::AnalysisId, Holding>,
    kept: RecentlyUsed<ScanId, Holding>,
    turns: Places<Owner>,
    searches: Places<Owner>,
    /// Held by whoever indexes.
    indexing: Arc<Mutex<()>>,
    /// Scans whose index a quota refused, and when.
    refused: std::sync::Mutex<HashMap<ScanId, Instant>>,
}

impl DicomWeb {
    pub(crate) fn new(gateway: Arc<Gateway>, uploads: Arc<Uploads>, results: Arc<DicomResults>) -> Self {
        let kept = &gateway.kept;
        let (frames, made, kept) = (
            kept.recently_used(frame_files::KEPT),
            kept.recently_used(MADE_KEPT),
            kept.recently_used(KEPT),
        );
        Self {
            gateway,
            uploads,
            results,
            frames,
            made,
            kept,
            turns: Places::new(TURNS, TURNS - 1, MOST_WAITING),
            searches: Places::new(SEARCHES, 1, MOST_WAITING),
            indexing: Arc::default(),
            refused: std::sync::Mutex::default(),
        }
    }

    /// Indexes what is not indexed yet, the newest first. False where that takes longer than a request waits for; it goes on.
    pub(crate) async fn catch_up(self: &Arc<Self>) -> Result<bool, ApiError> {
        if self.gateway.database.scans_without_index(1).await?.is_empty() {
            return Ok(true);
        }
        match Arc::clone(&self.indexing).try_lock_owned() {
            Ok(turn) => {
                let indexing = tokio::spawn(Arc::clone(self).index_all(turn));
                match tokio::time::timeout(PATIENCE, indexing).await {
                    Ok(done) => done.map_err(ApiError::internal)?,
                    Err(_) => Ok(false),
                }
            }
            Err(_) => {
                // The tests of a lock that somebody else gives back.
                let _ = tokio::time::timeout(PATIENCE, self.indexing.lock()).await;
                Ok(self.gateway.database.scans_without_index(1).await?.is_empty())
            }
        }
    }

    /// True where nothing is left that could not be indexed.
    async fn index_all(self: Arc<Self>, _turn: OwnedMutexGuard<()>) -> Result<bool, ApiError> {
        let mut failed = self.refused_lately();
        loop {
            let limit = BATCH.saturating_add(u32::try_from(failed.len()).unwrap_or(u32::MAX));
            let waiting = self.gateway.database.scans_without_index(limit).await?;
            let next = waiting.into_iter().filter(|(scan, _)| !failed.contains(scan));
            let lanes = lanes_of(next);
            if lanes.is_empty() {
                return Ok(failed.is_empty());
            }
            let mut ended = futures::stream::iter(lanes)
                .map(|(owner, scans)| self.index_lane(owner, scans))
                .buffer_unordered(TURNS);
            while let Some(of_lane) = ended.next().await {
                failed.extend(of_lane);
            }
            if self.gateway.stopping.is_cancelled() {
                return Ok(false);
            }
        }
    }

    /// Indexes scans of one owner, one after the other: costly ones keep nobody else's waiting. Gives those that failed.
    async fn index_lane(&self, owner: Sender, scans: Vec<ScanId>) -> Vec<ScanId> {
        let mut failed = Vec::new();
        for scan_id in scans {
            if self.gateway.stopping.is_cancelled() {
                break;
            }
            let made = async {
                let _turn = self.turn(&owner).await?;
                self.make(scan_id, &owner).await
            };
            if let Err(error) = made.await {
                tracing::warn!(%scan_id, code = error.code(), "a scan's instances could not be indexed");
                if matches!(error, ApiError::QuotaReached { .. }) {
                    let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                    refused.insert(scan_id, Instant::now());
                }
                failed.push(scan_id);
            }
        }
        failed
    }

    fn refused_lately(&self) -> HashSet<ScanId> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.retain(|_, since| since.elapsed() < REFUSED_FOR);
        refused.keys().copied().collect()
    }

    /// A turn to fetch a file and unpack it.
    pub(super) async fn turn(&self, sender: &Sender) -> Result<Seat<Owner>, ApiError> {
        let turn = self.turns.take(sender.as_ref()).await;
        turn.ok_or(ApiError::TooManyRequests {
            retry_after_seconds: 5,
        })
    }

    /// A turn to search through all studies.
    pub(super) async fn search_turn(&self, sender: &Sender) -> Result<Seat<Owner>, ApiError> {
        let turn = self.searches.take(sender.as_ref()).await;
        turn.ok_or(ApiError::TooManyRequests {
            retry_after_seconds: 5,
        })
    }

    /// A scan's instances, for who asks for them.
    pub(super) async fn holding(&self, scan_id: ScanId, sender: &Sender) -> Result<Arc<Holding>, ApiError> {
        if let Some(holding) = self.kept.get(&scan_id) {
            return Ok(holding);
        }
        let stored = async || {
            let index = self.stored(scan_id).await?;
            let source = Source::Scan(scan_id);
            Ok::<_, ApiError>(index.map(|index| Arc::new(Holding { source, index })))
        };
        let holding = match stored().await? {
            Some(holding) => holding,
            None => {
                let _turn = self.turn(sender).await?;
                // Made meanwhile by whoever had the turn before.
                match stored().await? {
                    Some(holding) => holding,
                    None => self.make(scan_id, sender).await?,
                }
            }
        };
        self.kept.insert(scan_id, Arc::clone(&holding));
        Ok(holding)
    }

    /// The index as it was stored; None where it was not, or cannot be read: then it is made anew.
    async fn stored(&self, scan_id: ScanId) -> Result<Option<InstanceIndex>, ApiError> {
        let objects = &self.gateway.objects;
        let key = ObjectKey::Instances(scan_id);
        let Some(size) = objects.size(key).await? else {
            return Ok(None);
        };
        let Some(start) = size.checked_sub(TRAILER_BYTES) else {
            return Ok(None);
        };
        let trailer = objects.get_range(key, start..size).await?;
        let Some(Span { offset, length }) = find_index(&trailer, size) else {
            return Ok(None);
        };
        let json = objects.get_range(key, offset..offset + length).await?;
        // Of a large study that takes a while, in which others would not be answered.
        let reading = tokio::task::spawn_blocking(move || read_index(&json).ok());
        reading.await.map_err(ApiError::internal)
    }

    /// Makes the index of a scan in the reader's child process, stores it beside the original and notes the study. `sender` is who
    /// uploaded the scan, or who asks for it where its index has gone: theirs is the quota that has to hold it.
    async fn make(&self, scan_id: ScanId, sender: &Sender) -> Result<Arc<Holding>, ApiError> {
        let original = ObjectKey::Original(scan_id);
        let Some(original_bytes) = self.gateway.objects.size(original).await? else {
            return Err(ApiError::ScanNotFound);
        };
        // As large again: what lies in archives in archives is unpacked.
        self.uploads.check_spool(original_bytes.saturating_mul(2))?;
        let upload = fetch_original(&self.gateway, scan_id).await?;
        let (_, container) =
            create_spool_file(&self.gateway.options.spool_folder).map_err(storage_failure)?;
        let index = self.uploads.reader.index(sender, &upload, &container).await?;
        let made = (index, original_bytes);
        self.keep_index(scan_id, sender, made, &container).await
    }

    async fn keep_index(
        &self,
        scan_id: ScanId,
        sender: &Sender,
        (index, original_bytes): (Option<InstanceIndex>, u64),
        container: &Path,
    ) -> Result<Arc<Holding>, ApiError> {
        let key = ObjectKey::Instances(scan_id);
        let study = index.as_ref().and_then(study_of);
        let mut index_bytes = 0;
        let mut room = None;
        if study.is_some() {
            index_bytes = std::fs::metadata(container).map_err(storage_failure)?.len();
            let sizes = (original_bytes, index_bytes);
            room = Some(self.uploads.reserve_index(sender.clone(), sizes).await?);
            self.gateway.objects.put_file(key, container).await?;
        }
        let noted = self
            .gateway
            .database
            .note_dicom_study(scan_id, study, index_bytes)
            .await?;
        drop(room);
        if !noted {
            // Deleted meanwhile.
            self.gateway.objects.delete(key).await?;
            return Err(ApiError::ScanNotFound);
        }
        Ok(Arc::new(Holding {
            source: Source::Scan(scan_id),
            index: index.unwrap_or_default(),
        }))
    }
}

/// Scans by their owners, the owner of the newest first.
fn lanes_of(scans: impl Iterator<Item = (ScanId, Option<Owner>)>) -> Vec<(Option<Owner>, Vec<ScanId>)> {
    let mut lanes: Vec<(Option<Owner>, Vec<ScanId>)> = Vec::new();
    for (scan, owner) in scans {
        match lanes.iter_mut().find(|(of, _)| *of == owner) {
            Some((_, scans)) => scans.push(scan),
            None => lanes.push((owner, vec![scan])),
        }
    }
    lanes
}

/// What a search looks at; None where the scan has no instance that can be named.
fn study_of(index: &InstanceIndex) -> Option<DicomStudy> {
    let text = |tag| text_of(&index.study, tag);
    let mut modalities: Vec<String> = index
        .series
        .iter()
        .map(|series| series.modality.clone())
        .collect();
    modalities.sort();
    modalities.dedup();
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Some(DicomStudy {
        study_instance_uid: index.study_instance_uid.clone()?,
        study_date: text("00080020"),
        study_time: text("00080030"),
        study_id: text("00200010"),
        accession_number: text("00080050"),
        patient_id: text("00100020"),
        patient_name: text("00100010"),
        referring_physician: text("00080090"),
        modalities,
        series_count: count(index.series.len()),
        instance_count: count(index.instances.len()),
        attributes: serde_json::to_string(&index.study).unwrap_or_default(),
    })
}

/// The first value of an attribute as a text, empty where there is none.
pub(super) fn text_of(attributes: &Attributes, tag: &str) -> String {
    let value = attributes
        .get(tag)
        .and_then(|attribute| attribute.get("Value")?.get(0));
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(person)) => person
            .get("Alphabetic")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sent_many_keeps_nobody_elses_waiting() {
        let scope = |name: &str| Some(Owner::Scope(name.to_owned()));
        let ids: Vec<ScanId> = (0..4).map(|_| ScanId::generate()).collect();
        let owners = [scope("flood"), scope("flood"), None, scope("flood")];
        let lanes = lanes_of(ids.iter().copied().zip(owners));
        assert_eq!(
            lanes,
            [
                (scope("flood"), vec![ids[0], ids[1], ids[3]]),
                (None, vec![ids[2]])
            ]
        );
    }
}
