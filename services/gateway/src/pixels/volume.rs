//! Which volume is meant, and its slices and maps.

use std::sync::Arc;

use actix_web::web;
use norma_database::Analysis;
use norma_domain::{AnalysisId, AnalysisStatus, ScanId, Stage};
use norma_pipeline::{SliceExtent, VolumeHeader};

use crate::gateway::Gateway;
use crate::pixels::objects::PixelObjects;
use crate::problem::ApiError;

/// The analysis that is meant and its volume: the given one, which must be the scan's, or the latest with a
/// volume.
pub(crate) async fn volume_of(
    gateway: &Gateway,
    pixels: &PixelObjects,
    scan_id: ScanId,
    analysis_id: Option<AnalysisId>,
) -> Result<(Analysis, Arc<VolumeHeader>), ApiError> {
    if let Some(analysis_id) = analysis_id {
        let analysis = gateway.analysis(analysis_id).await?;
        if analysis.scan_id != scan_id {
            return Err(ApiError::AnalysisNotFound);
        }
        let header = pixels.header(analysis_id).await?;
        return Ok((analysis, header.ok_or(ApiError::VolumeNotPrepared)?));
    }
    gateway.scan(scan_id).await?;
    for analysis in gateway.database.analyses_of_scan(scan_id).await? {
        // Before its preparation is recorded, an object may be half of another attempt's.
        let may_have_volume = !matches!(
            analysis.status,
            AnalysisStatus::Queued | AnalysisStatus::Preparing
        );
        if may_have_volume && let Some(header) = pixels.header(analysis.id).await? {
            return Ok((analysis, header));
        }
    }
    Err(ApiError::VolumeNotPrepared)
}

pub(crate) fn extent_of(header: &VolumeHeader, slice: usize) -> Result<SliceExtent, ApiError> {
    let slices = header.slices.len();
    let extent = header.slices.get(slice).copied();
    extent.ok_or(ApiError::SliceNotFound { slices })
}

/// A stage's map of a slice in the slice's rows and columns; nothing where the stage did not look.
pub(crate) async fn slice_map(
    pixels: &PixelObjects,
    analysis: &Analysis,
    header: &VolumeHeader,
    stage: Stage,
    slice: usize,
) -> Result<Vec<u8>, ApiError> {
    let [slices, rows, columns] = header.geometry.shape;
    if slice >= slices {
        return Err(ApiError::SliceNotFound { slices });
    }
    let map = pixels.map(analysis.id, stage).await?;
    let map = map.ok_or(ApiError::HeatmapNotFound {
        analysis_id: analysis.id,
    })?;
    web::block(move || {
        map.slice_map(slice, rows, columns).map_or_else(
            || vec![0; rows * columns],
            |pixels| pixels.iter().copied().collect(),
        )
    })
    .await
    .map_err(ApiError::internal)
}
