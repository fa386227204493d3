#![doc = include_str!("../README.md")]
#![allow(
    clippy::needless_pass_by_value,
    reason = "array views are two words and are passed by value, as ndarray itself does"
)]

mod body;
mod ceiling;
mod coarse;
mod components;
mod crop_box;
mod gas;
mod leaks;
mod levels;
mod lungs;
mod morphology;
mod morphology_3d;
mod orientation;
mod prepare;
mod resample;
mod seam;
mod slice_lungs;
mod spine_period;
mod volume;

pub use body::body_in_prepared_slice;
pub use ceiling::{LOWEST_FULL_CEILING_HU, low_ceiling_hu};
pub use crop_box::CropBox;
pub use gas::BowelGas;
pub use levels::pseudo_hounsfield;
pub use lungs::{LEFT_LUNG, LungSegmentation, RIGHT_LUNG, segment_lungs};
pub use orientation::{OrientationEvidence, measure_orientation};
pub use prepare::{
    DEFAULT_SLICE_COUNT, PREPARATION, PREPARED_HU_HIGH, PREPARED_HU_LOW, PREPARED_SIZE, PreparedSlices,
    prepare_slice, prepare_slices,
};
pub use slice_lungs::segment_lungs_in_slice;
pub use volume::{ShapeMismatch, Volume};
