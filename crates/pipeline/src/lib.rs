#![doc = include_str!("../README.md")]

mod body_clip;
mod localization;
mod merge;
mod objects;
mod prepare;
mod prepare_error;
mod quality;
pub mod sandbox;
mod segments;
mod split;
mod stage_error;
mod stages;
pub mod training_set;

pub use localization::strongest_region;
pub use merge::{DISCLAIMER, MergeInput, failure_row, merge_report};
pub use objects::{
    ObjectError, SliceCoding, SliceExtent, StageMap, VolumeHeader, decode_known_outputs,
    decode_prepared_slices, decode_segmentation, encode_known_outputs, encode_prepared_slices,
    encode_segmentation, write_volume,
};
pub use prepare::{
    MASKS_FILE, SLICES_FILE, SUMMARY_FILE, VOLUME_FILE, prepare_series, prepare_upload, take_measures,
};
pub use prepare_error::PrepareError;
pub use quality::{check_instances, check_quality};
pub use sandbox::{
    Sandbox, decode_frames_sandboxed, deidentify_upload_sandboxed, describe_upload_sandboxed,
    index_upload_sandboxed, prepare_upload_sandboxed, run_child, split_upload_sandboxed,
};
pub use split::{SplitRejection, SplitStudy, SplitUpload, split_upload};
pub use stage_error::StageError;
pub use stages::{read_shared, run_stage};
