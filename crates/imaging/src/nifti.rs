//! A NIfTI volume on the grid of a DICOM one: x to the left, y to the back, z to the head.

use std::io::{ErrorKind, Read};

use ndarray::{Array3, Axis};
use norma_domain::{SeriesChoice, SliceReference, SpacingMm, StudySummary, VolumeGeometry};
use norma_volume::Volume;

use crate::blob::Blob;
use crate::damaged_slices::{slices_from_elsewhere, slices_kept, slices_without_picture};
use crate::emptier_than_air::EmptierThanAir;
use crate::error::ImagingError;
use crate::limits::Limits;
use crate::loaded_series::{Acquisition, LoadedSeries};
use crate::nifti_header::{NIFTI_HEADER_BYTES, NiftiVolumeHeader, SampleType, read_nifti_header};
use crate::picture_order::KnownSteps;
use crate::rescale::AIR;
use crate::scan_levels::has_levels_of_a_scan;
use crate::slice_order::{GAP_FACTOR, Vector, angle_degrees, cross, gaps, unit};
use crate::value_check::{alternates, clear_filling, count_implausible};
use crate::value_scale::contradicts_one_scale;
use crate::volume_geometry::{NO_PATIENTS_SIZE, has_patients_size};
use crate::volume_grid::square_pixels;

/// The best that deflate does is 1,032 to one; small files have some bytes more.
const DEFLATE_RATIO: u64 = 1100;
const AXIAL_TOLERANCE_DEGREES: f64 = 30.0;
/// A chest in Hounsfield units has air in and around it and bone in it.
const AIR_BELOW: i16 = -500;
const AIR_SHARE: f64 = 0.01;

/// How the file's axes lie in the patient.
#[derive(Debug, Clone, PartialEq)]
struct AxisMap {
    /// For each axis `(z, y, x)` of the volume, the axis of the file.
    file_axis: [usize; 3],
    /// Whether it runs against the volume's.
    flipped: [bool; 3],
    geometry: VolumeGeometry,
}

pub(crate) fn load_nifti(blob: &Blob, limits: &Limits) -> Result<LoadedSeries, ImagingError> {
    let start = blob.prefix(NIFTI_HEADER_BYTES as u64 + 4)?;
    let header = read_nifti_header(&start).map_err(|error| ImagingError::UnreadableNifti(error.0))?;
    let voxels = header
        .shape
        .iter()
        .try_fold(1u64, |product, count| product.checked_mul(*count as u64))
        .unwrap_or(u64::MAX);
    if voxels > limits.voxels {
        return Err(ImagingError::VolumeTooLarge {
            voxels,
            limit: limits.voxels,
        });
    }
    let claimed = voxels * header.sample.bytes() as u64;
    // What a compressed file unpacks to is not known; but it is no more than deflate can make of it.
    let unpacked = blob
        .size()
        .min(blob.compressed_size().saturating_mul(DEFLATE_RATIO));
    let available = unpacked.saturating_sub(header.offset);
    if claimed > available {
        return Err(ImagingError::LyingLength {
            what: "the NIfTI header",
            claimed,
            available,
        });
    }
    let mut map = map_axes(&header)?;
    if !has_patients_size(&map.geometry) {
        return Err(ImagingError::UnreadableNifti(NO_PATIENTS_SIZE));
    }
    let (mut hounsfield, has_hounsfield) = read_voxels(blob, &header, &map)?;
    // Slices without a picture at an end are what a volume is padded with.
    let blank = slices_without_picture(&hounsfield);
    let padding = count_at_ends(&blank, map.geometry.shape[0]);
    leave_out(&blank, &mut hounsfield, &mut map.geometry);
    let corrected_slices = clear_filling(&mut hounsfield);
    let is_plausible = count_implausible(&hounsfield) == 0
        && has_levels_of_a_scan(&hounsfield)
        && !contradicts_one_scale(&hounsfield);
    let spacing_mm = map.geometry.spacing_mm.z();
    // Asked before and after: what is left out between them breaks the turns, or mends them.
    let alternated = alternates(&hounsfield, spacing_mm);
    let elsewhere = slices_from_elsewhere(&hounsfield)?;
    leave_out(&elsewhere.left_out, &mut hounsfield, &mut map.geometry);
    if alternated || (!elsewhere.left_out.is_empty() && alternates(&hounsfield, spacing_mm)) {
        return Err(ImagingError::InconsistentSeries(
            "its slices belong to two pictures by turns, as of two phases in one file".into(),
        ));
    }
    let known = KnownSteps {
        gaps: &gaps(steps_mm(&map.geometry), spacing_mm),
        breaks: &[],
    };
    let order_doubt = elsewhere.order_doubt(&hounsfield, known);
    let stored_pixel_spacing_mm = [map.geometry.spacing_mm.y(), map.geometry.spacing_mm.x()];
    let (hounsfield, geometry) = square_pixels(hounsfield, map.geometry.clone(), limits)?;
    let map = AxisMap { geometry, ..map };
    let normal = unit(cross(map.geometry.direction[2], map.geometry.direction[1])).unwrap_or([0.0, 0.0, 1.0]);
    let lean = angle_degrees(normal, [0.0, 0.0, 1.0]);
    let shear = angle_degrees(normal, map.geometry.direction[0]);
    Ok(LoadedSeries {
        slices: (0..map.geometry.shape[0])
            .map(|slice| SliceReference {
                slice,
                sop_instance_uid: None,
                instance_number: None,
                table_position_mm: Some(map.geometry.position_mm([slice as f64, 0.0, 0.0])[2]),
            })
            .collect(),
        acquisition: Acquisition {
            is_axial: lean <= AXIAL_TOLERANCE_DEGREES,
            gantry_tilt_degrees: lean.max(shear),
            duplicates_removed: 0,
            missing_slices: missing_slices(&map.geometry),
            largest_gap_mm: steps_mm(&map.geometry).fold(0.0, f64::max),
            spacing_variation: 0.0,
            undecodable_slices: 0,
            damaged_slices: blank.len() - padding + elsewhere.count(),
            order_doubt,
            unreadable_files: 0,
            has_hounsfield: has_hounsfield && is_plausible,
            corrected_slices,
            stored_pixel_spacing_mm,
            unread_between: 0,
            invalid_uids: 0,
        },
        study: StudySummary {
            study_instance_uid: None,
            series_instance_uid: None,
            source_format: "NIfTI".into(),
            modality: None,
            manufacturer: None,
            scanner_model: None,
            convolution_kernel: None,
            study_date: None,
            patient_age_years: None,
            transfer_syntax_uid: None,
            slice_thickness_mm: Some(map.geometry.spacing_mm.z()),
            contrast_agent: false,
            geometry: map.geometry.clone(),
            series_choice: SeriesChoice {
                reason: "a NIfTI file holds one volume".into(),
                series_considered: 1,
                left_out: Vec::new(),
            },
        },
        volume: Volume {
            hounsfield,
            geometry: map.geometry,
        },
    })
}

/// How many of `left_out`, which ascend, lie before or behind all others of so many slices; none where there are no others.
fn count_at_ends(left_out: &[usize], slices: usize) -> usize {
    if left_out.len() == slices {
        return 0;
    }
    let first = left_out
        .iter()
        .enumerate()
        .take_while(|(index, slice)| index == *slice)
        .count();
    let last = left_out
        .iter()
        .rev()
        .enumerate()
        .take_while(|(index, slice)| slices - 1 - index == **slice)
        .count();
    first + last
}

/// Leaves out slices; the others keep their places.
fn leave_out(left_out: &[usize], hounsfield: &mut Array3<i16>, geometry: &mut VolumeGeometry) {
    let kept = slices_kept(geometry.shape[0], left_out);
    let Some(first) = kept.first().copied().filter(|_| !left_out.is_empty()) else {
        return;
    };
    let spacing = geometry.spacing_mm.z();
    let place = |slice: usize| match &geometry.slice_places_mm {
        Some(places) => places[slice],
        None => slice as f64 * spacing,
    };
    let places: Vec<f64> = kept.iter().map(|slice| place(*slice) - place(first)).collect();
    let has_gaps = places
        .windows(2)
        .any(|pair| pair[1] - pair[0] > GAP_FACTOR * spacing);
    geometry.origin_mm = geometry.position_mm([first as f64, 0.0, 0.0]);
    geometry.shape[0] = kept.len();
    geometry.slice_places_mm = has_gaps.then_some(places);
    *hounsfield = hounsfield.select(Axis(0), &kept);
}

/// The distances of neighbouring slices.
fn steps_mm(geometry: &VolumeGeometry) -> Box<dyn Iterator<Item = f64> + '_> {
    match &geometry.slice_places_mm {
        Some(places) => Box::new(places.windows(2).map(|pair| pair[1] - pair[0])),
        None => Box::new(std::iter::repeat_n(
            geometry.spacing_mm.z(),
            geometry.shape[0].saturating_sub(1),
        )),
    }
}

/// Slices that would fit into the gaps.
fn missing_slices(geometry: &VolumeGeometry) -> usize {
    steps_mm(geometry)
        .map(|step| (step / geometry.spacing_mm.z()).round().max(1.0) as usize - 1)
        .sum()
}

/// Gives each axis of the volume the file axis that runs most along it.
fn map_axes(header: &NiftiVolumeHeader) -> Result<AxisMap, ImagingError> {
    let unreadable = ImagingError::UnreadableNifti;
    // RAS to LPS: x and y change their sign.
    let signs = [-1.0, -1.0, 1.0];
    let column = |axis: usize| -> Vector { std::array::from_fn(|row| signs[row] * header.affine[row][axis]) };
    let mut free = vec![0, 1, 2];
    let mut file_axis = [0; 3];
    // The volume's axes are z, y, x; the patient's are x, y, z.
    for (axis, patient) in [(0, 2), (1, 1), (2, 0)] {
        let best = free
            .iter()
            .copied()
            .filter_map(|candidate| Some((candidate, unit(column(candidate))?[patient].abs())))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .ok_or(unreadable("its affine has no extent along one axis"))?
            .0;
        free.retain(|candidate| *candidate != best);
        file_axis[axis] = best;
    }
    let mut flipped = [false; 3];
    let mut direction = [[0.0; 3]; 3];
    let mut spacing = [0.0; 3];
    let mut origin: Vector = std::array::from_fn(|row| signs[row] * header.affine[row][3]);
    for (axis, patient) in [(0, 2), (1, 1), (2, 0)] {
        let way = column(file_axis[axis]);
        let along = unit(way).ok_or(unreadable("its affine has no extent along one axis"))?;
        spacing[axis] = way
            .iter()
            .map(|component| component * component)
            .sum::<f64>()
            .sqrt();
        flipped[axis] = along[patient] < 0.0;
        if flipped[axis] {
            let last = (header.shape[file_axis[axis]] - 1) as f64;
            for (coordinate, step) in origin.iter_mut().zip(way) {
                *coordinate += last * step;
            }
        }
        direction[axis] = if flipped[axis] {
            along.map(|component| -component)
        } else {
            along
        };
    }
    let [z, y, x] = spacing;
    Ok(AxisMap {
        file_axis,
        flipped,
        geometry: VolumeGeometry {
            slice_places_mm: None,
            shape: file_axis.map(|axis| header.shape[axis]),
            spacing_mm: SpacingMm::new(z, y, x).map_err(|_| unreadable("its spacing is not positive"))?,
            origin_mm: origin,
            direction,
        },
    })
}

/// Reads the voxels plane by plane onto the grid; says too whether they look like Hounsfield units.
fn read_voxels(
    blob: &Blob,
    header: &NiftiVolumeHeader,
    map: &AxisMap,
) -> Result<(Array3<i16>, bool), ImagingError> {
    let shape = map.geometry.shape;
    let mut hounsfield = Array3::from_elem(shape, AIR);
    let strides = [shape[1] * shape[2], shape[2], 1];
    // For each axis of the file: where its first voxel stands and how far the next one is.
    let mut first = 0isize;
    let mut step = [0isize; 3];
    for axis in 0..3 {
        let stride = strides[axis] as isize;
        let file_axis = map.file_axis[axis];
        if map.flipped[axis] {
            first += (shape[axis] as isize - 1) * stride;
        }
        step[file_axis] = if map.flipped[axis] { -stride } else { stride };
    }
    let Some(voxels) = hounsfield.as_slice_mut() else {
        return Err(ImagingError::InconsistentSeries(
            "its array is not contiguous".into(),
        ));
    };
    let cut_short = |error: std::io::Error| match error.kind() {
        ErrorKind::UnexpectedEof => ImagingError::UnreadableNifti("it is cut short"),
        ErrorKind::InvalidData | ErrorKind::InvalidInput => {
            ImagingError::UnreadableNifti("its compressed bytes are damaged")
        }
        _ => ImagingError::Io(error),
    };
    let mut stream = blob.stream()?;
    std::io::copy(&mut stream.by_ref().take(header.offset), &mut std::io::sink()).map_err(cut_short)?;
    let [columns, rows, planes] = header.shape;
    let sample_bytes = header.sample.bytes();
    let mut line = vec![0u8; columns * sample_bytes];
    let (mut air, mut highest_other) = (0u64, i16::MIN);
    let mut emptier = EmptierThanAir::new();
    for plane in 0..planes {
        for row in 0..rows {
            stream.read_exact(&mut line).map_err(cut_short)?;
            let mut target = first + plane as isize * step[2] + row as isize * step[1];
            for sample in line.chunks_exact(sample_bytes) {
                let value =
                    read_sample(sample, header.sample, header.big_endian) * header.slope + header.intercept;
                // What is not a number is no measurement.
                let value = if value.is_nan() { f64::from(AIR) } else { value };
                emptier.take(value);
                let value = value.round().clamp(f64::from(AIR), f64::from(i16::MAX)) as i16;
                air += u64::from(value < AIR_BELOW);
                highest_other = highest_other.max(value);
                // In range: first and step span the array exactly once.
                voxels[target as usize] = value;
                target += step[0];
            }
        }
    }
    let share = air as f64 / voxels.len() as f64;
    let has_hounsfield = share >= AIR_SHARE && highest_other > 0 && !emptier.is_much();
    Ok((hounsfield, has_hounsfield))
}

fn read_sample(bytes: &[u8], sample: SampleType, big_endian: bool) -> f64 {
    let mut raw = [0u8; 8];
    let count = bytes.len().min(8);
    raw[..count].copy_from_slice(&bytes[..count]);
    if big_endian {
        raw[..count].reverse();
    }
    let [a, b, c, d, ..] = raw;
    match sample {
        SampleType::U8 => f64::from(a),
        SampleType::I8 => f64::from(a.cast_signed()),
        SampleType::U16 => f64::from(u16::from_le_bytes([a, b])),
        SampleType::I16 => f64::from(i16::from_le_bytes([a, b])),
        SampleType::U32 => f64::from(u32::from_le_bytes([a, b, c, d])),
        SampleType::I32 => f64::from(i32::from_le_bytes([a, b, c, d])),
        SampleType::F32 => f64::from(f32::from_le_bytes([a, b, c, d])),
        SampleType::F64 => f64::from_le_bytes(raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_lies_at_the_ends_of_what_has_a_picture() {
        assert_eq!(count_at_ends(&[0, 1, 3, 7], 8), 3);
        assert_eq!(count_at_ends(&[], 8), 0);
        // Where nothing else is there, nothing is padding: every slice is damaged.
        assert_eq!(count_at_ends(&[0, 1, 2, 3], 4), 0);
    }
}
