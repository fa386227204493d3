//! What was segmented in a study.

use serde::{Deserialize, Serialize};

use crate::VoxelMask;

/// What a segment is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentOf {
    /// Vessels and airways included; what fills the pleural space with gas too.
    RightLung,
    LeftLung,
    /// A measured finding, by its index in [`crate::Quantification::findings`].
    Finding(usize),
}

/// Voxels of the study's volume that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub of: SegmentOf,
    pub mask: VoxelMask,
}

/// The segments of a study, all of one volume; none of them is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Segmentation {
    pub segments: Vec<Segment>,
}
