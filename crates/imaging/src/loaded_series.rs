//! What loading a series gives.

use norma_domain::{SliceReference, StudySummary};
use norma_volume::Volume;

use crate::picture_order::OrderDoubt;

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
    /// Slices left out because the very same one lies in the same place.
    pub duplicates_removed: usize,
    /// Slices that would fit into the gaps.
    pub missing_slices: usize,
    /// Largest distance of neighbouring slices.
    pub largest_gap_mm: f64,
    /// (largest − smallest) / median distance of neighbouring slices; over a gap of whole steps, the length of a step.
    pub spacing_variation: f64,
    /// Distance of rows and of columns as they were stored, in millimetres; the volume's pixels are square.
    pub stored_pixel_spacing_mm: [f64; 2],
    /// Slices of the series whose pixels could not be decoded; they are not in the volume.
    pub undecodable_slices: usize,
    /// Slices that are not in the volume because they show nothing of what was scanned in their place: they are blank,
    /// cut off, a copy of another one, or a picture from elsewhere.
    pub damaged_slices: usize,
    /// What speaks against that the pictures are one scan in the order of their places.
    pub order_doubt: Option<OrderDoubt>,
    /// Slices of the series between those of the volume that are not in it: they have another kernel, or the headers say
    /// that they are of another phase.
    pub unread_between: usize,
    /// Files of the upload, of this study or not, that were meant to be images and could not be read.
    pub unreadable_files: usize,
    /// Whether the header says that the values are Hounsfield units, or for NIfTI the values look like them, and no
    /// slice contradicts it.
    pub has_hounsfield: bool,
    /// Slices in which values that cannot be measurements were read otherwise than the header says.
    pub corrected_slices: usize,
    /// Slices whose study, series or instance UID is none by the standard, or whose instance UID another image has too.
    pub invalid_uids: usize,
}
