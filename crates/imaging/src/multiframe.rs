//! What is known of each frame: from the attributes of a single-frame image, or from the functional groups
//! of an enhanced one (PS3.3 C.7.6.16).

use crate::element_values::Values;
use crate::element_walk::DataSet;
use crate::frame_marks::FrameMarks;

/// A frame of an instance of the study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FrameReference {
    pub(crate) instance: usize,
    pub(crate) frame: usize,
}

/// Slope and intercept that turn stored values into Hounsfield units (PS3.3 C.11.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rescale {
    pub(crate) slope: f64,
    pub(crate) intercept: f64,
    /// Whether the rescaled values are said to be Hounsfield units; they are where no type is given.
    pub(crate) is_hounsfield: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FrameHeader {
    /// Image Position (Patient): the centre of the first voxel, LPS millimetres `[x, y, z]`.
    pub(crate) position: Option<[f64; 3]>,
    /// Image Orientation (Patient): the directions of a row and of a column.
    pub(crate) orientation: Option<[f64; 6]>,
    /// Distance of rows, distance of columns, in millimetres.
    pub(crate) pixel_spacing: Option<[f64; 2]>,
    pub(crate) slice_thickness_mm: Option<f64>,
    pub(crate) spacing_between_mm: Option<f64>,
    pub(crate) rescale: Option<Rescale>,
    /// Frame Type (0008,9007), upper case.
    pub(crate) frame_type: Vec<String>,
    /// Stack and position in it, for objects that hold several volumes.
    pub(crate) stack: Option<String>,
    pub(crate) marks: FrameMarks,
}

/// One header for each frame. An enhanced object with more frames than groups gets only as many as it has groups.
pub(crate) fn read_frames(values: &Values<'_>, number_of_frames: u64) -> Vec<FrameHeader> {
    let of_instance = FrameHeader {
        marks: FrameMarks::of_instance(values),
        ..FrameHeader::default()
    };
    let shared = match values.group(0x5200_9229) {
        Some(group) => overlay(of_instance, &group),
        None => of_instance,
    };
    let per_frame = values.items(0x5200_9230);
    if per_frame.is_empty() {
        return vec![single(values, shared)];
    }
    let count = usize::try_from(number_of_frames).unwrap_or(usize::MAX);
    per_frame
        .iter()
        .take(count)
        .map(|item: &DataSet| overlay(shared.clone(), &values.item(item)))
        .collect()
}

/// Whether a contrast agent was given: (0018,0010), or for enhanced objects the usage of one in any frame.
pub(crate) fn uses_contrast(values: &Values<'_>) -> bool {
    let named = values.text(0x0018_0010).is_some_and(|agent| {
        !matches!(
            agent.to_ascii_uppercase().as_str(),
            "NONE" | "NO" | "N" | "NO CONTRAST"
        )
    });
    let shared = values.items(0x5200_9229);
    let groups = shared.iter().chain(values.items(0x5200_9230));
    named
        || groups
            .map(|item| values.item(item))
            .any(|group| !group.items(0x0018_9341).is_empty())
}

fn single(values: &Values<'_>, shared: FrameHeader) -> FrameHeader {
    FrameHeader {
        position: values.numbers(0x0020_0032).or(shared.position),
        orientation: values.numbers(0x0020_0037).or(shared.orientation),
        pixel_spacing: positive_pair(values.numbers(0x0028_0030)).or(shared.pixel_spacing),
        slice_thickness_mm: positive(values.number(0x0018_0050)).or(shared.slice_thickness_mm),
        spacing_between_mm: positive(values.number(0x0018_0088)).or(shared.spacing_between_mm),
        rescale: read_rescale(values).or(shared.rescale),
        frame_type: shared.frame_type,
        stack: shared.stack,
        marks: shared.marks,
    }
}

/// What the functional groups in `item` say, over what is already known.
fn overlay(mut frame: FrameHeader, item: &Values<'_>) -> FrameHeader {
    if let Some(group) = item.group(0x0020_9113) {
        frame.position = group.numbers(0x0020_0032).or(frame.position);
    }
    if let Some(group) = item.group(0x0020_9116) {
        frame.orientation = group.numbers(0x0020_0037).or(frame.orientation);
    }
    if let Some(group) = item.group(0x0028_9110) {
        frame.pixel_spacing = positive_pair(group.numbers(0x0028_0030)).or(frame.pixel_spacing);
        frame.slice_thickness_mm = positive(group.number(0x0018_0050)).or(frame.slice_thickness_mm);
        frame.spacing_between_mm = positive(group.number(0x0018_0088)).or(frame.spacing_between_mm);
    }
    if let Some(group) = item.group(0x0028_9145) {
        frame.rescale = read_rescale(&group).or(frame.rescale);
    }
    if let Some(group) = item.group(0x0018_9329) {
        // With Volume Based Calculation Technique.
        let tags = [0x0008_9007, 0x0008_9207];
        let frame_type: Vec<String> = tags.into_iter().flat_map(|tag| group.texts(tag)).collect();
        if !frame_type.is_empty() {
            frame.frame_type = frame_type.iter().map(|text| text.to_ascii_uppercase()).collect();
        }
    }
    if let Some(group) = item.group(0x0020_9111) {
        frame.stack = group.text(0x0020_9056).or(frame.stack);
    }
    frame.marks = frame.marks.overlay(item);
    frame
}

fn read_rescale(values: &Values<'_>) -> Option<Rescale> {
    let slope = values.number(0x0028_1053)?;
    let intercept = values.number(0x0028_1052)?;
    let kind = values.text(0x0028_1054).unwrap_or_default().to_ascii_uppercase();
    (slope != 0.0).then_some(Rescale {
        slope,
        intercept,
        is_hounsfield: kind.is_empty() || kind.starts_with("HU"),
    })
}

fn positive(number: Option<f64>) -> Option<f64> {
    number.filter(|number| *number > 0.0)
}

fn positive_pair(numbers: Option<[f64; 2]>) -> Option<[f64; 2]> {
    numbers.filter(|[first, second]| *first > 0.0 && *second > 0.0)
}
