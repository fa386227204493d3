//! Some exports give every slice, or every few of them, a Series Instance UID of its own. What belongs together then
//! is told by all else that the images of a series share, and by where they lie.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use norma_domain::SeriesInstanceUid;

use crate::dicom_header::{ExaminationMarks, InstanceHeader};
use crate::frame_marks::FrameMarks;
use crate::patient_marks::PatientMarks;
use crate::series_pieces::{Piece, are_of_one_acquisition, are_one_stack, follow_each_other, lie_by_turns};
use crate::study::Instance;
use crate::study_joining::is_crumb;

/// Fewer pieces are no series taken apart: two localizers are two series.
pub(crate) const LEAST_PIECES: usize = 4;
/// A series of more images is one by itself.
const LARGEST_BLOCK: usize = 64;
/// More values than this of one attribute name no series but slices.
const MOST_VALUES: usize = 8;

/// What the images of one series share beside its UID, whoever exports them.
#[derive(PartialEq, Eq, Hash)]
struct SharedMarks<'study> {
    patient: &'study PatientMarks,
    examination: &'study ExaminationMarks,
    modality: &'study str,
    sop_class: &'study str,
    image_type: &'study [String],
    kernel: Option<&'study str>,
    matrix: Option<(u16, u16)>,
    thickness_micrometres: Option<i64>,
}

fn shared_marks(header: &InstanceHeader) -> SharedMarks<'_> {
    SharedMarks {
        patient: &header.patient,
        examination: &header.examination,
        modality: &header.modality,
        sop_class: &header.sop_class,
        image_type: &header.image_type,
        kernel: header.kernel.as_deref(),
        matrix: header.format.as_ref().map(|format| (format.rows, format.columns)),
        thickness_micrometres: header.frames[0]
            .slice_thickness_mm
            .map(|thickness| (thickness * 1000.0).round() as i64),
    }
}

type Attribute = fn(&InstanceHeader) -> Option<&[u8]>;

/// What may tell series apart, and may as well be another in every slice.
const DIVIDING: [Attribute; 3] = [
    |header| header.frame_of_reference.as_deref(),
    |header| header.frames[0].marks.value(FrameMarks::OF_SERIES[0]),
    |header| header.frames[0].marks.value(FrameMarks::OF_SERIES[1]),
];

/// The series of an instance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeriesOfInstance<'study> {
    /// Its own, or the lowest of those that it was scattered over.
    pub(crate) series: Option<&'study SeriesInstanceUid>,
    /// Series Instance UIDs that the series was scattered over; 1 where it was not.
    pub(crate) scattered_over: usize,
    /// Whether these took its slices by turns.
    pub(crate) is_dealt_out: bool,
}

/// The series of each instance: its own, or the one that it was taken out of.
pub(crate) fn series_of_instances(instances: &[Instance]) -> Vec<SeriesOfInstance<'_>> {
    let mut series: Vec<SeriesOfInstance<'_>> = instances
        .iter()
        .map(|instance| SeriesOfInstance {
            series: instance.header.series.as_ref(),
            scattered_over: 1,
            is_dealt_out: false,
        })
        .collect();
    let mut kinds: HashMap<SharedMarks<'_>, Vec<usize>> = HashMap::new();
    for (index, instance) in instances.iter().enumerate() {
        if instance.header.pixels.is_some() {
            kinds
                .entry(shared_marks(&instance.header))
                .or_default()
                .push(index);
        }
    }
    for members in kinds.into_values() {
        for pieces in divided(pieces_of(instances, &members), instances) {
            let Some((joined, is_dealt_out)) = joined_pieces(&pieces, instances) else {
                continue;
            };
            let members = || joined.iter().flat_map(|piece| piece.instances.iter().copied());
            let uids: BTreeSet<Option<&SeriesInstanceUid>> =
                members().map(|index| series[index].series).collect();
            let named = uids.iter().flatten().count();
            let lowest = uids.into_iter().flatten().next();
            for index in members() {
                series[index] = SeriesOfInstance {
                    series: lowest,
                    scattered_over: named.max(1),
                    is_dealt_out,
                };
            }
        }
    }
    series
}

/// What each Series Instance UID names; an image without one is a piece by itself.
fn pieces_of(instances: &[Instance], members: &[usize]) -> Vec<Piece> {
    let mut named: BTreeMap<&SeriesInstanceUid, Piece> = BTreeMap::new();
    let mut pieces = Vec::new();
    for index in members {
        let header = &instances[*index].header;
        match &header.series {
            Some(uid) => named.entry(uid).or_default().add(*index, header.frames.len()),
            None => pieces.push(Piece::of(*index, header.frames.len())),
        }
    }
    pieces.extend(named.into_values());
    pieces
}

/// Parts the pieces by each attribute that names a few series, each of several pieces; one that is another in every
/// piece says no more than its UID.
fn divided(pieces: Vec<Piece>, instances: &[Instance]) -> Vec<Vec<Piece>> {
    let mut parts = vec![pieces];
    for value_of in DIVIDING {
        parts = parts
            .into_iter()
            .flat_map(|pieces| {
                let mut by_value: BTreeMap<Option<&[u8]>, Vec<Piece>> = BTreeMap::new();
                let count = pieces.len();
                for piece in &pieces {
                    by_value
                        .entry(value_of(&instances[piece.instances[0]].header))
                        .or_default()
                        .push(piece.clone());
                }
                let names_series = by_value.len() <= MOST_VALUES
                    && 2 * by_value.len() <= count
                    && by_value.values().all(|part| images_of(part) >= LEAST_PIECES);
                if names_series {
                    by_value.into_values().collect()
                } else {
                    vec![pieces]
                }
            })
            .collect();
    }
    parts
}

fn images_of(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| piece.images).sum()
}

/// The pieces that are one series, where there are such, and whether they took its slices by turns.
fn joined_pieces<'pieces>(
    pieces: &'pieces [Piece],
    instances: &[Instance],
) -> Option<(Vec<&'pieces Piece>, bool)> {
    let (crumbs, whole): (Vec<&Piece>, Vec<&Piece>) = pieces.iter().partition(|piece| is_crumb(piece.images));
    if crumbs.len() >= LEAST_PIECES {
        // Crumbs that fill what one longer piece lacks are of it.
        if let [_] = whole.as_slice() {
            let all: Vec<&Piece> = pieces.iter().collect();
            if are_one_stack(&all, instances) {
                return Some((all, false));
            }
        }
        return Some((crumbs, false));
    }
    let are_blocks = pieces.len() >= LEAST_PIECES && pieces.iter().all(|piece| piece.images <= LARGEST_BLOCK);
    let all: Vec<&Piece> = pieces.iter().collect();
    if are_blocks && follow_each_other(&all, instances) {
        return Some((all, false));
    }
    let are_dealt_out = are_of_one_acquisition(&all, instances) && lie_by_turns(&all, instances);
    are_dealt_out.then_some((all, true))
}
