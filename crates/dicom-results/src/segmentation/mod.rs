//! What was segmented, voxel by voxel (PS3.3 A.51).

mod bits;
mod described;
mod frames;
mod object;

pub(crate) use object::segmentations;
