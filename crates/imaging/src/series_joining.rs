//! Some exports give every slice a Series Instance UID of its own. What belongs together then is told by all else
//! that the images of a series share.

use std::collections::HashMap;

use norma_domain::SeriesInstanceUid;

use crate::dicom_header::{ExaminationMarks, InstanceHeader};
use crate::patient_marks::PatientMarks;
use crate::study::Instance;

/// Fewer single images are no series taken apart: two localizers are two series.
const LEAST_IMAGES: usize = 4;

/// What the images of one series share beside its UID.
#[derive(PartialEq, Eq, Hash)]
struct SharedMarks<'study> {
    patient: &'study PatientMarks,
    examination: &'study ExaminationMarks,
    modality: &'study str,
    sop_class: &'study str,
    image_type: &'study [String],
    kernel: Option<&'study str>,
    matrix: Option<(u16, u16)>,
    series_number: Option<&'study [u8]>,
    series_description: Option<&'study [u8]>,
    thickness_micrometres: Option<i64>,
}

/// Position of the marks in [`FrameMarks`](crate::frame_marks::FrameMarks).
const SERIES_NUMBER: usize = 9;
const SERIES_DESCRIPTION: usize = 10;

fn shared_marks(header: &InstanceHeader) -> SharedMarks<'_> {
    let frame = &header.frames[0];
    SharedMarks {
        patient: &header.patient,
        examination: &header.examination,
        modality: &header.modality,
        sop_class: &header.sop_class,
        image_type: &header.image_type,
        kernel: header.kernel.as_deref(),
        matrix: header.format.as_ref().map(|format| (format.rows, format.columns)),
        series_number: frame.marks.value(SERIES_NUMBER),
        series_description: frame.marks.value(SERIES_DESCRIPTION),
        thickness_micrometres: frame
            .slice_thickness_mm
            .map(|thickness| (thickness * 1000.0).round() as i64),
    }
}

/// The series of each instance: its own, or that of the first of those that it was taken apart from.
pub(crate) fn series_of_instances(instances: &[Instance]) -> Vec<Option<&SeriesInstanceUid>> {
    let mut images: HashMap<Option<&SeriesInstanceUid>, usize> = HashMap::new();
    for instance in instances {
        *images.entry(instance.header.series.as_ref()).or_default() += instance.header.frames.len();
    }
    let is_single = |instance: &Instance| {
        instance.header.pixels.is_some()
            && instance.header.series.is_some()
            && images.get(&instance.header.series.as_ref()) == Some(&1)
    };
    let mut together: HashMap<SharedMarks<'_>, Vec<usize>> = HashMap::new();
    for (index, instance) in instances.iter().enumerate() {
        if is_single(instance) && instance.header.examination.say_anything() {
            together
                .entry(shared_marks(&instance.header))
                .or_default()
                .push(index);
        }
    }
    let mut series: Vec<Option<&SeriesInstanceUid>> = instances
        .iter()
        .map(|instance| instance.header.series.as_ref())
        .collect();
    for members in together
        .into_values()
        .filter(|members| members.len() >= LEAST_IMAGES)
    {
        let lowest = members.iter().filter_map(|index| series[*index]).min();
        for index in members {
            series[index] = lowest;
        }
    }
    series
}
