//! Some exports give every file a Study Instance UID of its own, or none. Such files are one study where they name
//! the same person and the same examination; where they name neither, nobody can say what belongs together.

use std::collections::HashMap;

use crate::dicom_header::{ExaminationMarks, InstanceHeader};
use crate::patient_marks::PatientMarks;

/// Fewer files with a study each are studies.
const LEAST_FILES: usize = 4;

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
        // A study of its own in each file, or no study at all.
        let is_loose = !study.has_uid || (others.is_empty() && first.frames.len() == 1);
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
        .filter(|(_, members)| {
            let without_uid = members.iter().filter(|index| !studies[**index].has_uid).count();
            members.len() >= LEAST_FILES || (without_uid == members.len() && members.len() > 1)
        })
        .map(|((_, patient, examination), members)| Joined {
            studies: members,
            is_certain: examination.share_a_space()
                || (patient.name_somebody() && examination.say_anything()),
        })
        .collect();
    joined.sort_by_key(|joined| joined.studies[0]);
    joined
}
