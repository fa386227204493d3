//! Some exports give every file a Study Instance UID of its own, or none. Such files are one study where they name
//! the same person and the same examination; where they name neither, nobody can say what belongs together.

use std::collections::HashMap;

use crate::dicom_header::{ExaminationMarks, InstanceHeader};
use crate::patient_marks::PatientMarks;

/// Fewer studies of a few files each are studies.
const LEAST_STUDIES: usize = 4;
/// So few images are no chest by themselves.
const CRUMB_IMAGES: usize = 12;

/// Whether so many images cannot be a chest series by themselves.
pub(crate) fn is_crumb(images: usize) -> bool {
    images <= CRUMB_IMAGES
}

/// A study as far as joining looks at it.
pub(crate) struct LooseStudy<'listing> {
    /// Archive or folder: files of two archives are never joined.
    pub(crate) scope: u32,
    pub(crate) has_uid: bool,
    pub(crate) headers: Vec<&'listing InstanceHeader>,
}

/// Studies that are one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    /// Positions in the list, ascending.
    pub(crate) studies: Vec<usize>,
    /// Whether they name a person and an examination. Where not, no verdict can rest on them.
    pub(crate) is_certain: bool,
}

/// Finds studies that are one by what their files say of person and examination.
pub(crate) fn find_joined(studies: &[LooseStudy<'_>]) -> Vec<Joined> {
    let mut together: HashMap<(u32, &PatientMarks, &ExaminationMarks), Vec<usize>> = HashMap::new();
    for (index, study) in studies.iter().enumerate() {
        let [first, others @ ..] = study.headers.as_slice() else {
            continue;
        };
        // A study of its own for every few files, or no study at all.
        let images = study.headers.iter().map(|header| header.frames.len()).sum();
        let is_loose = !study.has_uid || is_crumb(images);
        let is_alike = others
            .iter()
            .all(|other| other.patient == first.patient && other.examination == first.examination);
        if is_loose && is_alike {
            together
                .entry((study.scope, &first.patient, &first.examination))
                .or_default()
                .push(index);
        }
    }
    let mut joined: Vec<Joined> = together
        .into_iter()
        .flat_map(|((_, patient, examination), members)| {
            let is_named = patient.name_somebody() && examination.say_when();
            by_space(members, studies).into_iter().map(move |part| Joined {
                is_certain: is_named || part.is_one_space,
                studies: part.studies,
            })
        })
        .filter(|join| {
            let members = &join.studies;
            let without_uid = members.iter().filter(|index| !studies[**index].has_uid).count();
            let are_files = members.iter().all(|index| studies[*index].headers.len() == 1);
            (members.len() >= LEAST_STUDIES && (are_files || join.is_certain))
                || (without_uid == members.len() && members.len() > 1)
        })
        .collect();
    joined.sort_by_key(|joined| joined.studies[0]);
    joined
}

struct Part {
    studies: Vec<usize>,
    /// Whether all name the same Frame of Reference UID, which is not given twice.
    is_one_space: bool,
}

/// Parts studies by their frame of reference, unless that is another in every few of them as well.
fn by_space(members: Vec<usize>, studies: &[LooseStudy<'_>]) -> Vec<Part> {
    let mut spaces: HashMap<Option<&[u8]>, Vec<usize>> = HashMap::new();
    for index in &members {
        spaces
            .entry(studies[*index].headers[0].frame_of_reference.as_deref())
            .or_default()
            .push(*index);
    }
    let is_scattered =
        spaces.len() >= LEAST_STUDIES && spaces.values().all(|part| part.len() < LEAST_STUDIES);
    if is_scattered {
        return vec![Part {
            studies: members,
            is_one_space: false,
        }];
    }
    spaces
        .into_iter()
        .map(|(space, studies)| Part {
            studies,
            is_one_space: space.is_some(),
        })
        .collect()
}
