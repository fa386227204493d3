//! What becomes of each instance of a request.

use norma_dicom_instances::{IndexedInstance, InstanceIndex, Section};
use norma_dicom_results::is_made_here;
use norma_domain::StudyInstanceUid;

use crate::dicomweb::store::contradictions::Contradictions;
use crate::uploads::instances::Part;

/// Why an instance is not stored (PS3.18 section I.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureReason {
    /// It is of another study than the request says.
    OtherStudy,
    /// It is no instance that can be read and named.
    CannotUnderstand,
    /// One with its SOP Instance UID came before it, with another data set.
    OtherContent,
}

impl FailureReason {
    pub(super) fn code(self) -> u16 {
        match self {
            Self::OtherStudy => 0xA900,
            Self::CannotUnderstand => 0xC000,
            Self::OtherContent => 0x0111,
        }
    }
}

/// What becomes of the instances of a request.
pub(super) struct Outcome<'index> {
    pub(super) stored: Vec<&'index IndexedInstance>,
    /// Results of ours that a PACS sends back. They are had by whoever asks for them, and make no study to be analysed.
    pub(super) returned: Vec<&'index IndexedInstance>,
    pub(super) failed: Vec<(&'index IndexedInstance, FailureReason)>,
    /// Of those that nobody can name.
    pub(super) unnamed: Vec<FailureReason>,
    /// Where the files that are kept begin in the archive.
    kept: Vec<u64>,
}

impl<'index> Outcome<'index> {
    /// `index`: of the archive of the parts; None where it cannot be read at all. `study`: the one that is named by the request.
    /// `contradictions`: what is not stored because what came first stays.
    pub(super) fn of(
        parts: &[Part],
        index: Option<&'index InstanceIndex>,
        study: Option<&StudyInstanceUid>,
        contradictions: &Contradictions,
    ) -> Self {
        let mut outcome = Self {
            stored: Vec::new(),
            returned: Vec::new(),
            failed: Vec::new(),
            unnamed: Vec::new(),
            kept: Vec::new(),
        };
        let instances = index.map(|index| index.instances.as_slice()).unwrap_or_default();
        for part in parts {
            let start = match part {
                Part::At(start) => *start,
                Part::Same(_) => continue,
                Part::NoDicomFile => {
                    outcome.unnamed.push(FailureReason::CannotUnderstand);
                    continue;
                }
            };
            let is_it = |instance: &&IndexedInstance| {
                instance.place.section == Section::Upload && instance.place.span.offset == start
            };
            match instances.iter().find(is_it) {
                Some(instance) if study.is_some_and(|uid| uid.as_str() != instance.study_instance_uid) => {
                    outcome.failed.push((instance, FailureReason::OtherStudy));
                }
                Some(instance) if is_returned(index, instance) => outcome.returned.push(instance),
                Some(instance) if contradictions.of_stored.contains_key(&start) => {
                    outcome.failed.push((instance, FailureReason::OtherContent));
                }
                Some(instance) => {
                    outcome.stored.push(instance);
                    outcome.kept.push(start);
                }
                None => match contradictions.first_of(start, instances) {
                    Some(first) => outcome.failed.push((first, FailureReason::OtherContent)),
                    // It stays beside the others: the analysis counts a damaged slice, and does not overlook that one is missing.
                    None => {
                        outcome.unnamed.push(FailureReason::CannotUnderstand);
                        outcome.kept.push(start);
                    }
                },
            }
        }
        outcome
    }

    /// Where the files that are kept begin, where not all are.
    pub(super) fn left_over(&self) -> Option<&[u64]> {
        (!self.failed.is_empty() || !self.returned.is_empty()).then_some(&self.kept)
    }

    pub(super) fn has_failures(&self) -> bool {
        !self.failed.is_empty() || !self.unnamed.is_empty()
    }

    /// What is had here now.
    pub(super) fn had(&self) -> impl Iterator<Item = &'index IndexedInstance> {
        self.stored.iter().chain(&self.returned).copied()
    }

    /// The one study of all that is had.
    pub(super) fn study(&self) -> Option<&str> {
        let first = self.had().next()?.study_instance_uid.as_str();
        self.had()
            .all(|instance| instance.study_instance_uid == first)
            .then_some(first)
    }
}

fn is_returned(index: Option<&InstanceIndex>, instance: &IndexedInstance) -> bool {
    let mut series = index.iter().flat_map(|index| &index.series);
    let series = series.find(|series| series.series_instance_uid == instance.series_instance_uid);
    let manufacturer = series
        .and_then(|series| series.attributes.get("00080070")?.get("Value")?.get(0)?.as_str())
        .unwrap_or_default();
    is_made_here(&instance.sop_class_uid, &instance.sop_instance_uid, manufacturer)
}
