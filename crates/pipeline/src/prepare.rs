//! The preprocess stage: an upload in, prepared slices, volume and summary out.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

use norma_domain::{
    PreparedSummary, QualityCheck, QualityConsequence, Quantification, Reason, ReasonCode, Segmentation,
};
use norma_imaging::{Limits, LoadedSeries, StudySource, list_studies, load_chest_series};
use norma_quantification::nodules::nodule_findings;
use norma_quantification::quantify;
use norma_volume::{DEFAULT_SLICE_COUNT, LungSegmentation, PreparedSlices, prepare_slices, segment_lungs};

use crate::objects::{encode_prepared_slices, encode_segmentation, write_volume};
use crate::prepare_error::PrepareError;
use crate::quality::check_quality;
use crate::segments::segments;

/// Prepared slices in the output folder: [`encode_prepared_slices`].
pub const SLICES_FILE: &str = "slices.bin";
/// The volume in the output folder: [`write_volume`].
pub const VOLUME_FILE: &str = "volume.bin";
/// The lungs and the findings in the output folder, voxel by voxel: [`encode_segmentation`].
pub const MASKS_FILE: &str = "masks.bin";
/// The [`PreparedSummary`] in the output folder, as JSON.
pub const SUMMARY_FILE: &str = "summary.json";

/// Up to so many voxels (600 slices of 512 × 512) measures and nodules are looked for side by side.
const VOXELS_FOR_BOTH: usize = 600 * 512 * 512;

/// Reads the one study of an upload, chooses its chest series, checks its quality and prepares what the
/// models read. Writes [`SLICES_FILE`], [`VOLUME_FILE`], [`MASKS_FILE`] and [`SUMMARY_FILE`] into the folder `out`.
///
/// A series that could be read and is refused afterwards, for whatever reason, leaves [`VOLUME_FILE`] and
/// [`SUMMARY_FILE`] in `out` as well: a person can look at what was received. A summary there says that the volume
/// beside it is whole.
///
/// Parses hostile bytes: services call [`prepare_upload_sandboxed`](crate::prepare_upload_sandboxed) instead.
///
/// # Errors
/// Rejected: an upload that cannot be read, holds several studies or no chest CT, or fails a quality check
/// whose consequence is failure. Retryable: the disk.
pub fn prepare_upload(upload: &Path, out: &Path, limits: &Limits) -> Result<PreparedSummary, PrepareError> {
    let started = Instant::now();
    let studies = list_studies(upload, limits)?;
    let study = only_study(&studies)?;
    let series = load_chest_series(study, limits)?;

    fs::create_dir_all(out)?;
    let mut file = BufWriter::new(File::create(out.join(VOLUME_FILE))?);
    write_volume(&series.volume, &mut file)?;
    // No more than flushed: the object storage makes its copy outlast a power failure, and this one need not.
    file.flush()?;
    // What is examined from here on may end the process; what was received is there.
    write_summary(&received(&series), out)?;

    let (mut summary, prepared) = examine(&series);
    if let Ok((slices, segmentation)) = &prepared {
        fs::write(out.join(SLICES_FILE), encode_prepared_slices(slices)?)?;
        fs::write(out.join(MASKS_FILE), encode_segmentation(segmentation)?)?;
    }
    summary.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    write_summary(&summary, out)?;
    prepared.map(|_| summary)
}

fn write_summary(summary: &PreparedSummary, out: &Path) -> Result<(), PrepareError> {
    let json = serde_json::to_vec(summary).map_err(std::io::Error::from)?;
    Ok(fs::write(out.join(SUMMARY_FILE), json)?)
}

/// Checks and prepares a series that was read. The summary's duration is 0; the caller knows it.
///
/// # Errors
/// Where a quality check fails whose consequence is failure, and where there are no lungs to read.
pub fn prepare_series(series: &LoadedSeries) -> Result<(PreparedSummary, PreparedSlices), PrepareError> {
    let (summary, prepared) = examine(series);
    prepared.map(|(slices, _)| (summary, slices))
}

/// What is known of a series before anything was looked for in it.
fn received(series: &LoadedSeries) -> PreparedSummary {
    PreparedSummary {
        study: series.study.clone(),
        slices: series.slices.clone(),
        selected_slices: Vec::new(),
        lung_extent: None,
        lung_volume_ml: 0.0,
        quality: Vec::new(),
        quantification: None,
        duration_ms: 0,
    }
}

/// What was found in a series, and what the models read of it with what was segmented, or why they may not.
fn examine(
    series: &LoadedSeries,
) -> (
    PreparedSummary,
    Result<(PreparedSlices, Segmentation), PrepareError>,
) {
    let lungs = segment_lungs(&series.volume);
    let mut summary = PreparedSummary {
        lung_extent: lungs.extent,
        lung_volume_ml: lungs.right_ml + lungs.left_ml,
        quality: check_quality(series, &lungs),
        ..received(series)
    };
    if let Some(reason) = failure(&summary.quality) {
        return (summary, Err(PrepareError::Rejected(reason)));
    }
    let Some(prepared) = prepare_slices(&series.volume, &lungs, DEFAULT_SLICE_COUNT) else {
        let error = PrepareError::rejected(ReasonCode::NoLungs, "no lungs were found in the series");
        return (summary, Err(error));
    };
    summary.selected_slices.clone_from(&prepared.slices);
    let (quantification, segmentation) = take_measures(series, &lungs);
    summary.quantification = Some(quantification);
    (summary, Ok((prepared, segmentation)))
}

/// The measures and the nodules of a series, with the time that they took, and their voxels.
pub fn take_measures(series: &LoadedSeries, lungs: &LungSegmentation) -> (Quantification, Segmentation) {
    let started = Instant::now();
    let measured = || quantify(&series.volume, lungs, series.study.slice_thickness_mm);
    let sought = || nodule_findings(&series.volume, lungs);
    // Neither keeps two threads busy by itself; beside a large volume there is no room for the grids of both.
    let ((mut quantification, mut found), nodules) = if series.volume.hounsfield.len() > VOXELS_FOR_BOTH {
        (measured(), sought())
    } else {
        rayon::join(measured, sought)
    };
    if let Some(nodules) = nodules {
        quantification.nodules_sought = true;
        found.extend(nodules);
    }
    let (findings, masks): (_, Vec<_>) = found.into_iter().map(|found| (found.finding, found.mask)).unzip();
    quantification.findings = findings;
    let segmentation = segments(lungs, masks);
    quantification.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    (quantification, segmentation)
}

fn only_study(studies: &[StudySource]) -> Result<&StudySource, PrepareError> {
    match studies {
        [study] => Ok(study),
        [] => Err(PrepareError::rejected(
            ReasonCode::NoImagesFound,
            "the upload holds no study",
        )),
        several => Err(PrepareError::rejected(
            ReasonCode::SeveralStudies,
            format!(
                "the upload holds {} studies; one is analysed at a time",
                several.len()
            ),
        )),
    }
}

fn failure(quality: &[QualityCheck]) -> Option<Reason> {
    quality
        .iter()
        .find(|check| !check.passed && check.consequence == QualityConsequence::Failed)
        .map(|check| Reason::new(check.code, check.message.clone()))
}
