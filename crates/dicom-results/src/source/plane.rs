//! Where the pixels of a stored image lie (PS3.3 C.7.6.2, C.7.6.16).

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use serde::{Deserialize, Serialize};

/// The plane of one frame, in LPS millimetres.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImagePlane {
    /// Number of the frame, from 1; None for an image that has but one and no word of frames.
    pub frame: Option<u32>,
    /// Centre of the first pixel: Image Position (Patient).
    pub position: [f64; 3],
    /// The way along a row, to the next column; a unit vector.
    pub along_row: [f64; 3],
    /// The way down a column, to the next row; a unit vector.
    pub down_column: [f64; 3],
    pub row_distance_mm: f64,
    pub column_distance_mm: f64,
}

impl ImagePlane {
    pub(crate) fn normal(&self) -> [f64; 3] {
        let (a, b) = (self.along_row, self.down_column);
        [
            a[1] * b[2] - a[2] * b[1],
            a[2] * b[0] - a[0] * b[2],
            a[0] * b[1] - a[1] * b[0],
        ]
    }
}

/// The planes of an image's frames; empty where any of them is not told.
pub(super) fn planes_of(data_set: &InMemDicomObject) -> Vec<ImagePlane> {
    let Some(frames) = items(data_set, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE) else {
        return plane(data_set, None, &[data_set]).into_iter().collect();
    };
    let shared =
        items(data_set, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).and_then(<[InMemDicomObject]>::first);
    let planes: Option<Vec<ImagePlane>> = frames
        .iter()
        .zip(1..)
        .map(|(frame, number)| {
            let groups: Vec<&InMemDicomObject> = [Some(frame), shared]
                .into_iter()
                .flatten()
                .flat_map(|group| {
                    [
                        tags::PLANE_POSITION_SEQUENCE,
                        tags::PLANE_ORIENTATION_SEQUENCE,
                        tags::PIXEL_MEASURES_SEQUENCE,
                    ]
                    .into_iter()
                    .filter_map(move |tag| items(group, tag)?.first())
                })
                .collect();
            plane(data_set, Some(number), &groups)
        })
        .collect();
    planes.unwrap_or_default()
}

fn plane(
    data_set: &InMemDicomObject,
    frame: Option<u32>,
    groups: &[&InMemDicomObject],
) -> Option<ImagePlane> {
    let frame = frame.or_else(|| {
        let frames = data_set.get(tags::NUMBER_OF_FRAMES)?.to_int::<u32>().ok()?;
        (frames == 1).then_some(1)
    });
    let find = |tag| groups.iter().find_map(|group| numbers(group, tag));
    let position = find(tags::IMAGE_POSITION_PATIENT)?;
    let orientation = find(tags::IMAGE_ORIENTATION_PATIENT)?;
    let spacing = find(tags::PIXEL_SPACING)?;
    let [row_distance_mm, column_distance_mm] = <[f64; 2]>::try_from(spacing).ok()?;
    if row_distance_mm <= 0.0 || column_distance_mm <= 0.0 {
        return None;
    }
    let orientation = <[f64; 6]>::try_from(orientation).ok()?;
    Some(ImagePlane {
        frame,
        position: position.try_into().ok()?,
        along_row: unit(*orientation.first_chunk()?)?,
        down_column: unit(*orientation.last_chunk()?)?,
        row_distance_mm,
        column_distance_mm,
    })
}

fn unit(vector: [f64; 3]) -> Option<[f64; 3]> {
    let length = vector.iter().map(|part| part * part).sum::<f64>().sqrt();
    // Unit vectors by the standard; more than rounding is no direction.
    ((length - 1.0).abs() < 0.01).then(|| vector.map(|part| part / length))
}

fn items(data_set: &InMemDicomObject, tag: Tag) -> Option<&[InMemDicomObject]> {
    data_set.get(tag)?.items()
}

fn numbers(data_set: &InMemDicomObject, tag: Tag) -> Option<Vec<f64>> {
    let numbers = data_set.get(tag)?.to_multi_float64().ok()?;
    numbers.iter().all(|number| number.is_finite()).then_some(numbers)
}
