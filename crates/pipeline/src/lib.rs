#![doc = include_str!("../README.md")]

mod localization;
mod merge;
mod objects;
mod stage_error;
mod stages;
pub mod training_set;

pub use localization::strongest_region;
pub use merge::{DISCLAIMER, MergeInput, failure_row, merge_report};
pub use objects::{
    ObjectError, SliceExtent, StageMap, VolumeHeader, decode_prepared_slices, encode_prepared_slices,
    read_volume_slice, write_volume,
};
pub use stage_error::StageError;
pub use stages::run_stage;
