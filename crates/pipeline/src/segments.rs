//! What was segmented, as it is stored.

use norma_domain::{Segment, SegmentOf, Segmentation, VoxelMask};
use norma_volume::{LEFT_LUNG, LungSegmentation, RIGHT_LUNG};

/// The lungs and, in their order, the masks of the findings. What holds no voxel of the volume is left out: a finding that
/// lies between two slices.
pub(crate) fn segments(lungs: &LungSegmentation, findings: Vec<Option<VoxelMask>>) -> Segmentation {
    let lungs = [
        (SegmentOf::RightLung, RIGHT_LUNG),
        (SegmentOf::LeftLung, LEFT_LUNG),
    ]
    .map(|(of, label)| (of, lung(lungs, label)));
    let findings = findings
        .into_iter()
        .enumerate()
        .map(|(index, mask)| (SegmentOf::Finding(index), mask));
    let segments = lungs.into_iter().chain(findings).filter_map(|(of, mask)| {
        let mask = mask.filter(|mask| !mask.is_empty())?;
        Some(Segment { of, mask })
    });
    Segmentation {
        segments: segments.collect(),
    }
}

fn lung(lungs: &LungSegmentation, label: u8) -> Option<VoxelMask> {
    let (slices, rows, columns) = lungs.mask.dim();
    let mut mask = VoxelMask::empty([slices, rows, columns]).ok()?;
    for (slice, plane) in lungs.mask.outer_iter().enumerate() {
        for (row, labels) in plane.outer_iter().enumerate() {
            let is_lung = |found: &u8| *found == label;
            if let Some(first) = labels.iter().position(is_lung) {
                mask.push_row([slice, row], first, labels.iter().skip(first).map(is_lung));
            }
        }
    }
    Some(mask)
}
