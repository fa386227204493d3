//! The lungs of a volume.

use ndarray::{Array3, Axis};
use rayon::prelude::*;

use crate::Volume;
use crate::slice_lungs::segment_lungs_in_slice;

/// The lungs of a volume and what was measured of them.
#[derive(Debug, Clone, PartialEq)]
pub struct LungSegmentation {
    /// `(z, y, x)`: 0 background, 1 right lung, 2 left lung (the patient's).
    pub mask: Array3<u8>,
    pub right_ml: f64,
    pub left_ml: f64,
    /// First and last slice with lung, both included; None without lungs.
    pub extent: Option<[usize; 2]>,
    /// Lung area of each slice in square millimetres.
    pub area_mm2: Vec<f64>,
    /// Lung is cut off by the first slice (towards the feet).
    pub touches_first: bool,
    /// Lung is cut off by the last slice (towards the head).
    pub touches_last: bool,
}

/// Finds the lungs slice by slice.
pub fn segment_lungs(volume: &Volume) -> LungSegmentation {
    let mut mask = Array3::zeros(volume.hounsfield.dim());
    let planes: Vec<_> = mask.axis_iter_mut(Axis(0)).collect();
    planes.into_par_iter().enumerate().for_each(|(z, mut plane)| {
        plane.assign(&segment_lungs_in_slice(&volume.slice_f32(z)));
    });
    LungSegmentation {
        mask,
        right_ml: 0.0,
        left_ml: 0.0,
        extent: None,
        area_mm2: Vec::new(),
        touches_first: false,
        touches_last: false,
    }
}
