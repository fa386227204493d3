//! Slices and maps out of object storage, a ranged read each.

use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use norma_domain::{AnalysisId, PreparedSummary, Stage};
use norma_object_storage::{ObjectError, ObjectKey, Objects};
use norma_pipeline::{SliceExtent, StageMap, VolumeHeader};

use crate::kept::Kept;
use crate::problem::ApiError;
use crate::recently_used::RecentlyUsed;

/// Headers kept: a few kilobytes each.
const HEADERS_KEPT: NonZeroUsize = NonZeroUsize::new(64).unwrap();
/// Maps kept: a few megabytes each.
const MAPS_KEPT: NonZeroUsize = NonZeroUsize::new(8).unwrap();
/// The first read of a header; most fit.
const FIRST_READ_BYTES: u64 = 64 * 1024;

/// Reads volumes and maps, and keeps what every slice of them needs.
pub(crate) struct PixelObjects {
    objects: Objects,
    headers: RecentlyUsed<AnalysisId, VolumeHeader>,
    maps: RecentlyUsed<(AnalysisId, Stage), StageMap>,
}

impl PixelObjects {
    pub(crate) fn new(objects: Objects, kept: &Kept) -> Self {
        Self {
            objects,
            headers: kept.recently_used(HEADERS_KEPT),
            maps: kept.recently_used(MAPS_KEPT),
        }
    }

    /// The header of an analysis's volume; None where there is no volume (yet).
    pub(crate) async fn header(
        &self,
        analysis_id: AnalysisId,
    ) -> Result<Option<Arc<VolumeHeader>>, ApiError> {
        if let Some(header) = self.headers.get(&analysis_id) {
            return Ok(Some(header));
        }
        let key = ObjectKey::PreparedVolume(analysis_id);
        let Some(size_bytes) = self.objects.size(key).await? else {
            return Ok(None);
        };
        let mut bytes = self
            .objects
            .get_range(key, 0..FIRST_READ_BYTES.min(size_bytes))
            .await?;
        let first = bytes
            .first_chunk::<4>()
            .ok_or_else(|| ApiError::Internal(anyhow::anyhow!("{key} is shorter than its header")))?;
        let length = VolumeHeader::length(*first).map_err(ApiError::internal)?;
        if length > bytes.len() {
            bytes = self.objects.get_range(key, 0..length as u64).await?;
        }
        let header = Arc::new(VolumeHeader::parse(&bytes).map_err(ApiError::internal)?);
        self.headers.insert(analysis_id, Arc::clone(&header));
        Ok(Some(header))
    }

    /// What was found in a study that failed although its volume could be read; None where that is not known.
    pub(crate) async fn refused_summary(
        &self,
        analysis_id: AnalysisId,
    ) -> Result<Option<PreparedSummary>, ApiError> {
        match self.objects.get(ObjectKey::RefusedSummary(analysis_id)).await {
            // A reader that was killed for time or memory may have left half of it.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(ObjectError::NotFound(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// One slice as it is stored, compressed.
    pub(crate) async fn compressed_slice(
        &self,
        analysis_id: AnalysisId,
        extent: SliceExtent,
    ) -> Result<Bytes, ApiError> {
        let range = extent.offset..extent.offset + extent.length;
        Ok(self
            .objects
            .get_range(ObjectKey::PreparedVolume(analysis_id), range)
            .await?)
    }

    /// A stage's maps; None where it left none.
    pub(crate) async fn map(
        &self,
        analysis_id: AnalysisId,
        stage: Stage,
    ) -> Result<Option<Arc<StageMap>>, ApiError> {
        if let Some(map) = self.maps.get(&(analysis_id, stage)) {
            return Ok(Some(map));
        }
        let bytes = match self.objects.get(ObjectKey::StageMap(analysis_id, stage)).await {
            Ok(bytes) => bytes,
            Err(ObjectError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let map = tokio::task::spawn_blocking(move || StageMap::decode(&bytes))
            .await
            .map_err(ApiError::internal)?
            .map_err(ApiError::internal)?;
        let map = Arc::new(map);
        self.maps.insert((analysis_id, stage), Arc::clone(&map));
        Ok(Some(map))
    }
}
