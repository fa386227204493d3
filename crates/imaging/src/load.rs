//! The chest series of a study as one volume.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

use norma_domain::{SeriesChoice, SeriesInstanceUid, SliceReference, StudySummary};
use norma_volume::Volume;

use crate::convolution_kernel::sharpness;
use crate::decode::DecodedSeries;
use crate::error::ImagingError;
use crate::limits::Limits;
use crate::loaded_series::{Acquisition, LoadedSeries};
use crate::multiframe::FrameHeader;
use crate::nifti::load_nifti;
use crate::one_acquisition::acquisition_conflict;
use crate::patient_marks::{PatientMarks, patient_conflict};
use crate::series_choice::{Candidate, Choice, choose_series};
use crate::series_grouping::{SeriesGroup, exclusion, group_series, is_reformat, nothing_left};
use crate::series_joining::{LEAST_PIECES, series_of_instances};
use crate::series_remains::{LaidSeries, check_fragments, slices_on_other_grids, unread_between};
use crate::series_volumes::{SeriesVolume, separate_volumes};
use crate::shared_identifiers::ambiguous_instances;
use crate::slice_order::{
    PlacedSlice, largest_stray_mm, measure_spacing, order_slices, plane_axes, tilt_degrees,
};
use crate::stored_values::{ReadValues, read_values};
use crate::study::{Instance, StudyContent, StudySource};
use crate::volume_geometry::{NO_PATIENTS_SIZE, SliceGrid, has_patients_size, lay_out};
use crate::volume_grid::{regular_stack, square_pixels};

/// Positions are rounded, and tables sag: so much within the plane is no other field of view.
const LARGEST_STRAY_MM: f64 = 1.0;

/// A birthday between two acquisitions, and rounding.
const LARGEST_AGE_DIFFERENCE_YEARS: u16 = 1;

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
    check_one_patient(study, instances)?;
    let groups = group_series(instances);
    let considered = groups.len();
    let mut exclusions = Vec::new();
    let mut candidates: Vec<PlacedSeries> = Vec::new();
    let mut unusable: Vec<SeriesGroup> = Vec::new();
    for (number, group) in groups.into_iter().enumerate() {
        match exclusion(&group, instances) {
            Some(why) => {
                exclusions.push((group.name(), why.clone()));
                if why.may_be_a_slice() {
                    unusable.push(group);
                }
            }
            None => candidates.extend(PlacedSeries::all_of(&group, number, instances, limits)),
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
    let laid: Vec<LaidSeries<'_>> = candidates.iter().map(|series| series.laid(instances)).collect();
    check_fragments(&laid, index)?;
    let on_other_grids = slices_on_other_grids(&laid, index, series.normal)?;
    let between = unread_between(&laid, index, series.normal);
    let mut loaded = assemble(study, instances, series, choice, limits)?;
    loaded.acquisition.undecodable_slices += on_other_grids;
    loaded.acquisition.unread_between = between;
    // Files of the series that end before their pixels, or lack a place, are slices too.
    loaded.acquisition.undecodable_slices += unusable
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

/// Refuses a study whose images are of several persons, or of nobody knows whom.
fn check_one_patient(study: &StudySource, instances: &[Instance]) -> Result<(), ImagingError> {
    if study.is_unclear {
        let uids: BTreeSet<_> = instances
            .iter()
            .filter_map(|instance| instance.header.series.as_ref())
            .collect();
        return Err(if uids.len() >= LEAST_PIECES {
            ImagingError::ScatteredSeries {
                uids: uids.len(),
                why: "its files name neither a patient and an examination nor a common frame of reference"
                    .into(),
            }
        } else {
            ImagingError::InconsistentSeries(
                "its files name neither a study nor a patient and an examination, so whether they belong together \
                 is not known; export the study again with its identifiers"
                    .into(),
            )
        });
    }
    let mut numbers: HashMap<&SeriesInstanceUid, usize> = HashMap::new();
    let images: Vec<(&PatientMarks, usize)> = instances
        .iter()
        .zip(series_of_instances(instances))
        .map(|(instance, series)| {
            let next = numbers.len() + 1;
            let number = series
                .series
                .map_or(0, |series| *numbers.entry(series).or_insert(next));
            (&instance.header.patient, number)
        })
        .collect();
    patient_conflict(&images)
        .or_else(|| age_conflict(instances))
        .map_or(Ok(()), |conflict| Err(ImagingError::SeveralPatients(conflict)))
}

/// Says by count why the ages cannot be those of one patient in one examination.
fn age_conflict(instances: &[Instance]) -> Option<String> {
    let ages: BTreeSet<u16> = instances
        .iter()
        .filter_map(|instance| instance.header.patient_age_years)
        .collect();
    let years = ages.last()? - ages.first()?;
    (years > LARGEST_AGE_DIFFERENCE_YEARS).then(|| format!("{} values of Patient's Age", ages.len()))
}

/// The age of the study's only patient, which some of the files may leave out.
fn age_of(instances: &[Instance]) -> Option<u16> {
    instances
        .iter()
        .filter_map(|instance| instance.header.patient_age_years)
        .min()
}

/// A candidate with its slices in order.
struct PlacedSeries {
    group: SeriesGroup,
    /// Volumes of one group have the same.
    group_number: usize,
    slices: Vec<PlacedSlice>,
    copies: usize,
    unplaced: usize,
    conflict: Option<String>,
    normal: [f64; 3],
}

impl PlacedSeries {
    /// The volumes that a series holds.
    fn all_of(group: &SeriesGroup, number: usize, instances: &[Instance], limits: &Limits) -> Vec<Self> {
        let orientation = group.first(instances).1.orientation;
        let Some((_, _, normal)) = orientation.and_then(|orientation| plane_axes(&orientation)) else {
            return Vec::new();
        };
        separate_volumes(group, normal, instances, limits)
            .into_iter()
            .map(|volume| Self::new(volume, number, normal, instances))
            .filter(|series| !series.slices.is_empty())
            .collect()
    }

    fn new(volume: SeriesVolume, group_number: usize, normal: [f64; 3], instances: &[Instance]) -> Self {
        let placed: Vec<_> = volume
            .group
            .frames
            .iter()
            .filter_map(|reference| {
                let frame = &instances[reference.instance].header.frames[reference.frame];
                Some((*reference, frame.position?))
            })
            .collect();
        Self {
            slices: order_slices(&placed, normal),
            group: volume.group,
            group_number,
            copies: volume.copies,
            unplaced: volume.unplaced,
            conflict: volume.conflict,
            normal,
        }
    }

    fn laid<'study>(&'study self, instances: &'study [Instance]) -> LaidSeries<'study> {
        LaidSeries {
            group_number: self.group_number,
            series: self.group.series.as_ref(),
            is_scattered: self.group.scattered_over > 1,
            kernel: self.group.first(instances).0.kernel.as_deref(),
            slices: &self.slices,
        }
    }

    fn candidate(&self, instances: &[Instance]) -> Candidate {
        let (header, frame) = self.group.first(instances);
        let slices = &self.slices;
        let coverage = match (slices.first(), slices.last()) {
            (Some(first), Some(last)) => last.along_mm - first.along_mm,
            _ => 0.0,
        };
        let step = measure_spacing(slices).median_mm.unwrap_or(0.0);
        Candidate {
            name: self.group.name(),
            is_other_body_part: header.is_other_body_part,
            is_reformat: is_reformat(header, frame),
            is_mixed: self.conflict.is_some(),
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
    let refused = |why: Cow<'static, str>| match series.group.scattered_over {
        0 | 1 => ImagingError::InconsistentSeries(why),
        uids => ImagingError::ScatteredSeries { uids, why },
    };
    let inconsistent = |what: &'static str| refused(what.into());
    if let Some(conflict) = &series.conflict {
        return Err(refused(conflict.clone().into()));
    }
    let frames = series.group.frames.iter().map(|reference| {
        let header = &*instances[reference.instance].header;
        (header, &header.frames[reference.frame])
    });
    let frames: Vec<_> = frames.collect();
    if let Some(conflict) = acquisition_conflict(&frames) {
        return Err(refused(conflict.into()));
    }
    let (Some(orientation), Some(pixel_spacing), Some(format)) =
        (frame.orientation, frame.pixel_spacing, header.format.as_ref())
    else {
        return Err(inconsistent("its slices have no place in the patient"));
    };
    let grid = SliceGrid::new(&orientation, pixel_spacing, format.rows, format.columns)
        .ok_or(inconsistent("its orientation is no plane"))?;
    let ReadValues {
        decoded,
        corrected_slices,
        damaged_slices,
        is_plausible,
        alternates,
        order_doubt,
    } = read_values(
        instances,
        &series.slices,
        &grid,
        measure_spacing(&series.slices).median_mm.unwrap_or(0.0),
        limits,
    )?;
    let DecodedSeries {
        hounsfield,
        slices,
        undecodable,
        ..
    } = decoded;
    let spacing = measure_spacing(&slices);
    let widest_pixel = pixel_spacing[0].max(pixel_spacing[1]);
    if largest_stray_mm(&slices) > widest_pixel.max(LARGEST_STRAY_MM) {
        return Err(inconsistent(
            "its slices do not lie above each other: their positions differ within their plane",
        ));
    }
    if alternates {
        return Err(inconsistent(
            "its slices belong to two pictures by turns, as of two phases in one series; send each phase as a series \
             of its own",
        ));
    }
    let step = spacing
        .median_mm
        .or(frame.spacing_between_mm)
        .or(frame.slice_thickness_mm)
        .unwrap_or(1.0);
    let (hounsfield, step, sources) = regular_stack(hounsfield, &slices, step, &spacing);
    let geometry = lay_out(&grid, &slices, step, spacing.missing_slices > 0)
        .ok_or(inconsistent("its spacing is not positive and finite"))?;
    if !has_patients_size(&geometry) {
        return Err(inconsistent(NO_PATIENTS_SIZE));
    }
    let (hounsfield, geometry) = square_pixels(hounsfield, geometry, limits)?;
    let rescaled = slices.iter().all(|slice| {
        let header = &instances[slice.reference.instance].header;
        has_hounsfield(header.has_modality_table, &header.frames[slice.reference.frame])
    });
    let used: HashSet<usize> = slices.iter().map(|slice| slice.reference.instance).collect();
    let ambiguous = ambiguous_instances(instances, &used, limits);
    let references = sources
        .iter()
        .enumerate()
        .map(|(index, source)| {
            let slice = &slices[*source];
            let header = &instances[slice.reference.instance].header;
            SliceReference {
                slice: index,
                // One that other images have as well names none of them.
                sop_instance_uid: header
                    .sop_instance
                    .clone()
                    .filter(|_| !ambiguous.contains(&slice.reference.instance)),
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
            patient_age_years: age_of(instances),
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
            duplicates_removed: series.copies,
            missing_slices: spacing.missing_slices,
            largest_gap_mm: spacing.largest_gap_mm,
            spacing_variation: spacing.variation,
            undecodable_slices: undecodable + series.unplaced,
            damaged_slices,
            order_doubt,
            unreadable_files: study.unreadable_files,
            has_hounsfield: rescaled && is_plausible,
            corrected_slices,
            stored_pixel_spacing_mm: pixel_spacing,
            unread_between: 0,
            invalid_uids: slices
                .iter()
                .map(|slice| slice.reference.instance)
                .filter(|instance| {
                    !instances[*instance].header.has_valid_uids || ambiguous.contains(instance)
                })
                .count(),
        },
    })
}
