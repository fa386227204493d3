//! The masks of a volume on the frames of the stored images.

use norma_domain::VoxelMask;

use crate::placed_frame::PlacedFrame;

/// A mask on a frame: whether each pixel, row by row, lies in a voxel of it. `frame` has room for each pixel of the stored
/// image, `slice` for each of the volume's slice. False where none does.
pub(super) fn draw_mask(
    mask: &VoxelMask,
    placed: &PlacedFrame<'_>,
    slice: &mut [bool],
    frame: &mut [bool],
) -> bool {
    let mut voxels = mask.in_slice(placed.slice).peekable();
    if voxels.peek().is_none() {
        return false;
    }
    slice.fill(false);
    for pixels in voxels {
        slice[pixels].fill(true);
    }
    let [_, rows, columns] = mask.shape();
    let mut is_any = false;
    let width = usize::from(placed.image.columns);
    for (row, pixels) in frame.chunks_mut(width).enumerate() {
        for (column, pixel) in pixels.iter_mut().enumerate() {
            *pixel = placed
                .pixel_of(row, column, [rows, columns])
                .is_some_and(|at| slice[at]);
            is_any |= *pixel;
        }
    }
    is_any
}
