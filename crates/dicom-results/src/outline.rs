//! A box of the volume as an outline on a stored image.

use norma_domain::{SopInstanceUid, VolumeGeometry, VoxelBox};

use crate::source::{ImagePlane, SourceImage, SourceStudy};

/// An outline that is smaller than this, in pixels, is none.
const LEAST_PIXELS: f64 = 0.5;

/// A closed outline on a frame of a stored image.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outline<'a> {
    pub(crate) image: &'a SourceImage,
    pub(crate) frame: Option<u32>,
    /// Column and row of the corners, the first one again at the end. The corner of the image's first pixel is (0, 0), its
    /// centre (0.5, 0.5) (PS3.3 C.10.5.1.2).
    pub(crate) points: [[f32; 2]; 5],
}

/// The rows and columns of `region` in the slice `slice` on the stored image `instance` that the slice came from.
///
/// None where the file does not say where its pixels lie, where no frame lies in the slice's plane (a slice that was
/// resampled between two), and where the region is outside the image.
pub(crate) fn outline_on_source<'a>(
    source: &'a SourceStudy,
    geometry: &VolumeGeometry,
    instance: &SopInstanceUid,
    slice: usize,
    region: VoxelBox,
) -> Option<Outline<'a>> {
    let image = source
        .images
        .iter()
        .find(|image| image.sop_instance_uid == instance.as_str())?;
    let (x, y) = (
        [region.x_min as f64 - 0.5, region.x_max as f64 + 0.5],
        [region.y_min as f64 - 0.5, region.y_max as f64 + 0.5],
    );
    let corners = [
        [y[0], x[0]],
        [y[0], x[1]],
        [y[1], x[1]],
        [y[1], x[0]],
        [y[0], x[0]],
    ]
    .map(|[y, x]| geometry.position_mm([slice as f64, y, x]));
    let distance = |plane: &ImagePlane| {
        corners
            .iter()
            .map(|corner| dot(from(plane.position, *corner), plane.normal()).abs())
            .fold(0.0, f64::max)
    };
    let plane = image
        .planes
        .iter()
        .min_by(|one, other| distance(one).total_cmp(&distance(other)))?;
    // Half a slice away begins the neighbour's.
    if distance(plane) > geometry.spacing_mm.z() / 2.0 {
        return None;
    }
    let (columns, rows) = (f64::from(image.columns), f64::from(image.rows));
    let points = corners.map(|corner| {
        let way = from(plane.position, corner);
        [
            (dot(way, plane.along_row) / plane.column_distance_mm + 0.5).clamp(0.0, columns),
            (dot(way, plane.down_column) / plane.row_distance_mm + 0.5).clamp(0.0, rows),
        ]
    });
    let extent = |axis: usize| {
        let values = points.map(|point| point[axis]);
        values.iter().copied().fold(f64::MIN, f64::max) - values.iter().copied().fold(f64::MAX, f64::min)
    };
    (extent(0) >= LEAST_PIXELS && extent(1) >= LEAST_PIXELS).then(|| Outline {
        image,
        frame: plane.frame,
        points: points.map(|point| point.map(|part| part as f32)),
    })
}

fn from(start: [f64; 3], end: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|axis| end[axis] - start[axis])
}

fn dot(one: [f64; 3], other: [f64; 3]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

#[cfg(test)]
mod tests {
    use norma_domain::SpacingMm;

    use super::*;
    use crate::source::StudyAttributes;

    const REGION: VoxelBox = VoxelBox {
        x_min: 2,
        x_max: 4,
        y_min: 3,
        y_max: 3,
        z_min: 0,
        z_max: 9,
    };

    /// A volume of 10 × 20 × 30 voxels of 2 × 1 × 1 mm.
    fn geometry() -> VolumeGeometry {
        VolumeGeometry {
            slice_places_mm: None,
            shape: [10, 20, 30],
            spacing_mm: SpacingMm::new(2.0, 1.0, 1.0).unwrap(),
            origin_mm: [0.0, 0.0, 0.0],
            direction: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
        }
    }

    fn source(columns: u16, rows: u16, planes: Vec<ImagePlane>) -> SourceStudy {
        SourceStudy {
            attributes: StudyAttributes::default(),
            images: vec![SourceImage {
                sop_class_uid: "1.2".into(),
                sop_instance_uid: "1.2.3".into(),
                series_instance_uid: "1.2.4".into(),
                frame_of_reference_uid: String::new(),
                is_multi_frame: false,
                rows,
                columns,
                planes,
            }],
        }
    }

    fn plane(
        position: [f64; 3],
        along_row: [f64; 3],
        down_column: [f64; 3],
        distances: [f64; 2],
    ) -> ImagePlane {
        ImagePlane {
            frame: None,
            position,
            along_row,
            down_column,
            row_distance_mm: distances[0],
            column_distance_mm: distances[1],
        }
    }

    /// Smallest and largest column, smallest and largest row.
    fn extent(source: &SourceStudy, slice: usize) -> Option<[f32; 4]> {
        let uid = SopInstanceUid::new("1.2.3").unwrap();
        let outline = outline_on_source(source, &geometry(), &uid, slice, REGION)?;
        assert_eq!(outline.points[0], outline.points[4]);
        let [columns, rows] = [0, 1].map(|axis| outline.points.map(|point| point[axis]));
        let least = |values: [f32; 5]| values.into_iter().fold(f32::MAX, f32::min);
        let most = |values: [f32; 5]| values.into_iter().fold(f32::MIN, f32::max);
        Some([least(columns), most(columns), least(rows), most(rows)])
    }

    #[test]
    fn an_image_as_the_volume_has_the_boxs_own_rows_and_columns() {
        let plane = plane([0.0, 0.0, 10.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0]);
        let source = source(30, 20, vec![plane]);
        assert_eq!(extent(&source, 5), Some([2.0, 5.0, 3.0, 4.0]));
    }

    #[test]
    fn a_mirrored_image_is_outlined_on_its_other_side() {
        // A patient on the belly: rows run to the right, columns to the front.
        let plane = plane([29.0, 19.0, 10.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [1.0, 1.0]);
        let source = source(30, 20, vec![plane]);
        assert_eq!(extent(&source, 5), Some([25.0, 28.0, 16.0, 17.0]));
    }

    #[test]
    fn pixels_that_are_not_square_and_an_image_on_its_side() {
        let wide = plane([-0.25, 0.5, 10.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [2.0, 0.5]);
        let source_wide = source(60, 10, vec![wide]);
        // Edges at 1.5..4.5 mm and 2.5..3.5 mm.
        assert_eq!(extent(&source_wide, 5), Some([4.0, 10.0, 1.5, 2.0]));
        let side = plane([0.0, 0.0, 10.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0]);
        assert_eq!(extent(&source(20, 30, vec![side]), 5), Some([3.0, 4.0, 2.0, 5.0]));
    }

    #[test]
    fn the_frame_in_the_slices_plane_is_taken_and_none_where_none_is() {
        let frames = (0..10).map(|frame| ImagePlane {
            frame: Some(frame + 1),
            ..plane(
                [0.0, 0.0, f64::from(frame) * 2.0],
                [1.0, 0.0, 0.0],
                [0.0, 1.0, 0.0],
                [1.0, 1.0],
            )
        });
        let source = source(30, 20, frames.collect());
        let uid = SopInstanceUid::new("1.2.3").unwrap();
        let outline = outline_on_source(&source, &geometry(), &uid, 7, REGION).unwrap();
        assert_eq!(outline.frame, Some(8));
        assert!(outline_on_source(&source, &geometry(), &uid, 11, REGION).is_none());
        let other = SopInstanceUid::new("1.2.9").unwrap();
        assert!(outline_on_source(&source, &geometry(), &other, 7, REGION).is_none());
    }

    #[test]
    fn above_a_missing_slice_an_image_is_outlined_in_its_own_plane() {
        let geometry = VolumeGeometry {
            // The image that would lie at 8 mm is missing.
            slice_places_mm: Some(
                [0, 1, 2, 3, 5, 6, 7, 8, 9, 10]
                    .map(|step| 2.0 * f64::from(step))
                    .to_vec(),
            ),
            ..geometry()
        };
        let plane = plane([0.0, 0.0, 12.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0]);
        let source = source(30, 20, vec![plane]);
        let uid = SopInstanceUid::new("1.2.3").unwrap();
        assert!(outline_on_source(&source, &geometry, &uid, 5, REGION).is_some());
        assert!(outline_on_source(&source, &geometry, &uid, 6, REGION).is_none());
    }

    #[test]
    fn a_region_outside_the_image_has_no_outline() {
        let plane = plane([100.0, 100.0, 10.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0]);
        assert_eq!(extent(&source(30, 20, vec![plane]), 5), None);
    }
}
