//! The chest series of a study as one volume.

use std::collections::BTreeSet;

use norma_domain::{SeriesChoice, SliceReference, StudySummary};
use norma_volume::Volume;

use crate::convolution_kernel::sharpness;
use crate::decode::{DecodedSeries, decode_series};
use crate::error::ImagingError;
use crate::limits::Limits;
use crate::multiframe::FrameHeader;
use crate::nifti::load_nifti;
use crate::series_choice::{Candidate, Choice, choose_series};
use crate::series_grouping::{Exclusion, SeriesGroup, exclusion, group_series, is_reformat, nothing_left};
use crate::slice_order::{SliceOrder, measure_spacing, order_slices, plane_axes, tilt_degrees};
use crate::split_acquisitions::split_acquisitions;
use crate::study::{Instance, StudyContent, StudySource};
use crate::volume_geometry::{SliceGrid, lay_out};

/// A chest series, decoded.
#[derive(Debug, Clone)]
pub struct LoadedSeries {
    pub volume: Volume,
    pub study: StudySummary,
    pub slices: Vec<SliceReference>,
    pub acquisition: Acquisition,
}

/// How the series was acquired and what is wrong with it. Quality checks judge by these.
#[derive(Debug, Clone, PartialEq)]
pub struct Acquisition {
    pub is_axial: bool,
    /// Angle by which the stack is sheared or leans from the patient's long axis.
    pub gantry_tilt_degrees: f64,
    /// Slices left out because another one lies in the same place.
    pub duplicates_removed: usize,
    /// Slices that would fit into the gaps.
    pub missing_slices: usize,
    /// Largest distance of neighbouring slices.
    pub largest_gap_mm: f64,
    /// (largest − smallest) / median distance of neighbouring slices.
    pub spacing_variation: f64,
    /// Slices of the series whose pixels could not be decoded; they are not in the volume.
    pub undecodable_slices: usize,
    /// Files of the upload, of this study or not, that were meant to be images and could not be read.
    pub unreadable_files: usize,
    /// Whether the header says that the values are Hounsfield units, or for NIfTI the values look like them.
    pub has_hounsfield: bool,
}

/// Chooses the chest series of a study and decodes it.
///
/// Slices ascend to the head; rows and columns are turned so that x runs to the patient's left and y to the back.
/// Slices that cannot be decoded are left out and counted.
///
/// # Errors
/// Where the study holds no axial CT series, where its pixels cannot be decoded at all, or where it is larger
/// than the limits.
pub fn load_chest_series(study: &StudySource, limits: &Limits) -> Result<LoadedSeries, ImagingError> {
    match &study.content {
        StudyContent::Dicom(instances) => load_dicom(study, instances, limits),
        StudyContent::Nifti(blob) => load_nifti(blob, limits),
    }
}

fn load_dicom(
    study: &StudySource,
    instances: &[Instance],
    limits: &Limits,
) -> Result<LoadedSeries, ImagingError> {
    let groups = group_series(instances);
    let considered = groups.len();
    let mut exclusions = Vec::new();
    let mut candidates: Vec<PlacedSeries> = Vec::new();
    let mut without_pixels: Vec<SeriesGroup> = Vec::new();
    for group in groups {
        match exclusion(&group, instances) {
            Some(why) => {
                exclusions.push((group.name(), why.clone()));
                if why == Exclusion::NoImage {
                    without_pixels.push(group);
                }
            }
            None => candidates.extend(
                split_acquisitions(group, instances)
                    .into_iter()
                    .filter_map(|group| PlacedSeries::new(group, instances)),
            ),
        }
    }
    let traits: Vec<Candidate> = candidates
        .iter()
        .map(|series| series.candidate(instances))
        .collect();
    let Some(Choice {
        index,
        reason,
        left_out,
    }) = choose_series(&traits)
    else {
        return Err(nothing_left(&exclusions));
    };
    let mut named: Vec<String> = exclusions
        .iter()
        .map(|(name, why)| format!("{name} ({})", why.describe()))
        .collect();
    named.extend(left_out);
    let choice = SeriesChoice {
        reason,
        series_considered: considered,
        left_out: named,
    };
    let series = &candidates[index];
    let mut loaded = assemble(study, instances, series, choice, limits)?;
    // Files of the series that end before their pixels are slices too.
    loaded.acquisition.undecodable_slices += without_pixels
        .iter()
        .filter(|group| group.series.is_some() && group.series == series.group.series)
        .map(|group| group.frames.len())
        .sum::<usize>();
    // And so are frames that no functional group describes.
    let used: BTreeSet<usize> = series.group.frames.iter().map(|frame| frame.instance).collect();
    loaded.acquisition.undecodable_slices += used
        .into_iter()
        .map(|instance| &instances[instance].header)
        .map(|header| {
            let described = header.frames.len() as u64;
            usize::try_from(header.number_of_frames.saturating_sub(described)).unwrap_or(usize::MAX)
        })
        .fold(0, usize::saturating_add);
    Ok(loaded)
}

/// A candidate with its slices in order.
struct PlacedSeries {
    group: SeriesGroup,
    order: SliceOrder,
    normal: [f64; 3],
}

impl PlacedSeries {
    fn new(group: SeriesGroup, instances: &[Instance]) -> Option<Self> {
        let orientation = group.first(instances).1.orientation?;
        let (_, _, normal) = plane_axes(&orientation)?;
        let placed: Vec<_> = group
            .frames
            .iter()
            .filter_map(|reference| {
                let frame = &instances[reference.instance].header.frames[reference.frame];
                Some((*reference, frame.position?))
            })
            .collect();
        let order = order_slices(&placed, normal);
        (!order.slices.is_empty()).then_some(Self { group, order, normal })
    }

    fn candidate(&self, instances: &[Instance]) -> Candidate {
        let (header, frame) = self.group.first(instances);
        let slices = &self.order.slices;
        let coverage = match (slices.first(), slices.last()) {
            (Some(first), Some(last)) => last.along_mm - first.along_mm,
            _ => 0.0,
        };
        let step = measure_spacing(slices).median_mm.unwrap_or(0.0);
        Candidate {
            name: self.group.name(),
            body_part: header.body_part.clone(),
            is_reformat: is_reformat(header, frame),
            has_hounsfield: has_hounsfield(header.has_modality_table, frame),
            coverage_mm: coverage,
            thickness_mm: frame.slice_thickness_mm.unwrap_or(0.0).max(step),
            kernel_sharpness: sharpness(header.kernel.as_deref().unwrap_or("")),
            slices: slices.len(),
        }
    }
}

fn has_hounsfield(has_modality_table: bool, frame: &FrameHeader) -> bool {
    !has_modality_table && frame.rescale.is_some_and(|rescale| rescale.is_hounsfield)
}

fn assemble(
    study: &StudySource,
    instances: &[Instance],
    series: &PlacedSeries,
    choice: SeriesChoice,
    limits: &Limits,
) -> Result<LoadedSeries, ImagingError> {
    let (header, frame) = series.group.first(instances);
    let inconsistent = ImagingError::InconsistentSeries;
    let (Some(orientation), Some(pixel_spacing), Some(format)) =
        (frame.orientation, frame.pixel_spacing, header.format.as_ref())
    else {
        return Err(inconsistent("its slices have no place in the patient"));
    };
    let grid = SliceGrid::new(&orientation, pixel_spacing, format.rows, format.columns)
        .ok_or(inconsistent("its orientation is no plane"))?;
    let DecodedSeries {
        hounsfield,
        slices,
        undecodable,
    } = decode_series(instances, &series.order.slices, &grid, limits)?;
    let spacing = measure_spacing(&slices);
    let slice_distance = spacing
        .median_mm
        .or(frame.spacing_between_mm)
        .or(frame.slice_thickness_mm)
        .unwrap_or(1.0);
    let geometry = lay_out(&grid, &slices, slice_distance)
        .ok_or(inconsistent("its spacing is not positive and finite"))?;
    let rescaled = slices.iter().all(|slice| {
        let header = &instances[slice.reference.instance].header;
        has_hounsfield(header.has_modality_table, &header.frames[slice.reference.frame])
    });
    let references = slices
        .iter()
        .enumerate()
        .map(|(index, slice)| {
            let header = &instances[slice.reference.instance].header;
            SliceReference {
                slice: index,
                sop_instance_uid: header.sop_instance.clone(),
                // The frames of one object share its number: it names none of them.
                instance_number: header.instance_number.filter(|_| header.frames.len() == 1),
                table_position_mm: header.frames[slice.reference.frame].position.map(|[_, _, z]| z),
            }
        })
        .collect();
    Ok(LoadedSeries {
        volume: Volume {
            hounsfield,
            geometry: geometry.clone(),
        },
        study: StudySummary {
            study_instance_uid: study.study_instance_uid().cloned(),
            series_instance_uid: series.group.series.clone(),
            source_format: "DICOM".into(),
            modality: Some(header.modality.clone()),
            manufacturer: header.manufacturer.clone(),
            scanner_model: header.scanner_model.clone(),
            convolution_kernel: header.kernel.clone(),
            study_date: header.study_date.clone(),
            patient_age_years: header.patient_age_years,
            transfer_syntax_uid: Some(header.transfer_syntax.clone()).filter(|uid| !uid.is_empty()),
            slice_thickness_mm: frame.slice_thickness_mm,
            contrast_agent: header.contrast_agent,
            geometry,
            series_choice: choice,
        },
        slices: references,
        acquisition: Acquisition {
            is_axial: true,
            gantry_tilt_degrees: tilt_degrees(&slices, series.normal),
            duplicates_removed: series.order.duplicates_removed,
            missing_slices: spacing.missing_slices,
            largest_gap_mm: spacing.largest_gap_mm,
            spacing_variation: spacing.variation,
            undecodable_slices: undecodable,
            unreadable_files: study.unreadable_files,
            has_hounsfield: rescaled,
        },
    })
}
