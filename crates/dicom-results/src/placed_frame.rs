//! Which slice of the volume a stored frame shows.

use norma_domain::VolumeGeometry;

use crate::source::{ImagePlane, SourceImage};

/// Frames closer to one another than this part of a slice show the same place.
const SAME_PLACE: f64 = 0.05;
/// A frame leans against its slice by less than this part of a slice.
const MOST_LEANING: f64 = 0.5;
/// Unit vectors and distances that differ by no more are the same.
const SAME: f64 = 1e-4;

/// A frame of a stored image in a slice of the volume.
#[derive(Debug, Clone)]
pub(crate) struct PlacedFrame<'a> {
    pub(crate) image: &'a SourceImage,
    pub(crate) plane: &'a ImagePlane,
    pub(crate) slice: usize,
    /// Row and column in the volume of the frame's first pixel, and how they grow to the next row and to the next column.
    first: [f64; 2],
    to_next_row: [f64; 2],
    to_next_column: [f64; 2],
    /// Where it lies along the slices, in slices.
    place: f64,
}

impl<'a> PlacedFrame<'a> {
    /// None where the frame lies outside of the volume, or leans against its slices.
    fn new(image: &'a SourceImage, plane: &'a ImagePlane, geometry: &VolumeGeometry) -> Option<Self> {
        let index = |row: f64, column: f64| {
            let (down, along) = (row * plane.row_distance_mm, column * plane.column_distance_mm);
            geometry.index_of(std::array::from_fn(|axis| {
                plane.position[axis] + down * plane.down_column[axis] + along * plane.along_row[axis]
            }))
        };
        let (rows, columns) = (f64::from(image.rows), f64::from(image.columns));
        let first = index(0.0, 0.0)?;
        let corners = [index(rows - 1.0, 0.0)?, index(0.0, columns - 1.0)?];
        let leaning = corners.map(|corner| (corner[0] - first[0]).abs());
        // A whole slice more or less is a gap of the stack, which has no such slice.
        let slice = first[0].round();
        let is_within = slice >= 0.0
            && slice < geometry.shape[0] as f64
            && leaning.into_iter().all(|leaning| leaning < MOST_LEANING)
            && (first[0] - slice).abs() <= 0.5;
        let step = |row, column| {
            let next = index(row, column)?;
            Some([next[1] - first[1], next[2] - first[2]])
        };
        is_within.then_some(Self {
            image,
            plane,
            slice: slice as usize,
            first: [first[1], first[2]],
            to_next_row: step(1.0, 0.0)?,
            to_next_column: step(0.0, 1.0)?,
            place: first[0],
        })
    }

    /// The pixel of the volume's slice that a pixel of the frame lies in, counted in the order of rows; None outside of it.
    pub(crate) fn pixel_of(&self, row: usize, column: usize, [rows, columns]: [usize; 2]) -> Option<usize> {
        let index: [f64; 2] = std::array::from_fn(|axis| {
            self.first[axis] + row as f64 * self.to_next_row[axis] + column as f64 * self.to_next_column[axis]
        });
        let [y, x] = index.map(f64::round);
        let is_within = y >= 0.0 && x >= 0.0 && y < rows as f64 && x < columns as f64;
        is_within.then(|| y as usize * columns + x as usize)
    }
}

/// The frames of stored images that show a slice of the volume, in the slices' order; one for each place.
pub(crate) fn placed_frames<'a>(
    images: &[&'a SourceImage],
    geometry: &VolumeGeometry,
) -> Vec<PlacedFrame<'a>> {
    let mut frames: Vec<PlacedFrame<'a>> = images
        .iter()
        .flat_map(|image| {
            image
                .planes
                .iter()
                .filter_map(|plane| PlacedFrame::new(image, plane, geometry))
        })
        .collect();
    frames.sort_by(|one, other| one.place.total_cmp(&other.place));
    frames.dedup_by(|one, before| one.place - before.place < SAME_PLACE);
    frames
}

/// The frames that have one grid: that of the first.
pub(crate) fn alike(frames: Vec<PlacedFrame<'_>>) -> Vec<PlacedFrame<'_>> {
    let Some((image, plane)) = frames.first().map(|frame| (frame.image, frame.plane)) else {
        return frames;
    };
    let grid = |plane: &ImagePlane| {
        let [a, b, c] = plane.along_row;
        let [d, e, f] = plane.down_column;
        [a, b, c, d, e, f, plane.row_distance_mm, plane.column_distance_mm]
    };
    let first = grid(plane);
    let is_alike = |frame: &PlacedFrame<'_>| {
        let size = (frame.image.rows, frame.image.columns);
        let mut numbers = grid(frame.plane).into_iter().zip(first);
        size == (image.rows, image.columns) && numbers.all(|(one, other)| (one - other).abs() < SAME)
    };
    frames.into_iter().filter(is_alike).collect()
}
