//! Modality Performed Procedure Steps (PS3.4 annex F): what a modality says that it performs, and which images it made.

use norma_domain::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};

use dicom_dictionary_std::uids;

use crate::data_set::{Element, Elements, MalformedDataSet, Tag};
use crate::status::Status;

/// The SOP class.
pub const PERFORMED_PROCEDURE_STEP: &str = uids::MODALITY_PERFORMED_PROCEDURE_STEP;
/// Bytes of a request: some hundred thousand instances.
pub(crate) const STEP_BYTES: usize = 16 << 20;
/// (0000,0903) where a step has ended: it may no longer be updated (PS3.4 table F.7.2-2).
const MAY_NO_LONGER_BE_UPDATED: u16 = 0xA710;

const REFERENCED_IMAGES: Tag = (0x0008, 0x1140);
const REFERENCED_SOP_INSTANCE: Tag = (0x0008, 0x1155);
const STUDY_INSTANCE_UID: Tag = (0x0020, 0x000D);
const SERIES_INSTANCE_UID: Tag = (0x0020, 0x000E);
const REFERENCED_OTHERS: Tag = (0x0040, 0x0220);
const STEP_STATUS: Tag = (0x0040, 0x0252);
const SCHEDULED_STEPS: Tag = (0x0040, 0x0270);
const PERFORMED_SERIES: Tag = (0x0040, 0x0340);

/// (0040,0252).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    InProgress,
    Completed,
    Discontinued,
}

impl StepState {
    fn of(text: &str) -> Option<Self> {
        match text {
            "IN PROGRESS" => Some(Self::InProgress),
            "COMPLETED" => Some(Self::Completed),
            "DISCONTINUED" => Some(Self::Discontinued),
            _ => None,
        }
    }
}

/// A series that was performed, with the SOP Instance UIDs of all that it refers to, images and others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerformedSeries {
    pub series_instance_uid: String,
    pub instances: Vec<String>,
}

/// What a request says of a step. What it says nothing of stays as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PerformedStep {
    pub state: Option<StepState>,
    /// Of (0040,0270), which N-SET does not have.
    pub studies: Vec<StudyInstanceUid>,
    pub series: Option<Vec<PerformedSeries>>,
}

/// Why a step is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepFailure {
    /// A step of this SOP Instance UID is here.
    Duplicate,
    NoSuchStep,
    /// It was completed or discontinued before.
    HasEnded,
    /// The step is not named, or by no UID.
    Unnamed,
    /// It names no study.
    MissingAttribute,
    /// A step begins in progress; a state that there is none of.
    InvalidState,
    /// The data set is not well-formed.
    Malformed,
    /// Too long, or too many steps of this peer.
    TooMuch,
    /// Something failed here.
    Failed,
}

impl StepFailure {
    pub const ALL: [Self; 9] = [
        Self::Duplicate,
        Self::NoSuchStep,
        Self::HasEnded,
        Self::Unnamed,
        Self::MissingAttribute,
        Self::InvalidState,
        Self::Malformed,
        Self::TooMuch,
        Self::Failed,
    ];

    /// (0000,0903).
    pub const fn error_id(self) -> Option<u16> {
        match self {
            Self::HasEnded => Some(MAY_NO_LONGER_BE_UPDATED),
            _ => None,
        }
    }
}

impl From<StepFailure> for Status {
    fn from(failure: StepFailure) -> Self {
        match failure {
            StepFailure::Duplicate => Self::DUPLICATE_SOP_INSTANCE,
            StepFailure::NoSuchStep => Self::NO_SUCH_SOP_INSTANCE,
            StepFailure::Unnamed => Self::INVALID_SOP_INSTANCE,
            StepFailure::MissingAttribute => Self::MISSING_ATTRIBUTE,
            StepFailure::InvalidState => Self::INVALID_ATTRIBUTE_VALUE,
            StepFailure::Malformed => Self::INVALID_ARGUMENT,
            StepFailure::TooMuch => Self::RESOURCE_LIMITATION,
            StepFailure::HasEnded | StepFailure::Failed => Self::PROCESSING_FAILURE,
        }
    }
}

impl PerformedStep {
    pub(crate) fn decode(data_set: &[u8], is_explicit: bool) -> Result<Self, StepFailure> {
        let mut step = Self::default();
        for element in Elements::of(data_set, is_explicit) {
            let element = element?;
            match element.tag {
                STEP_STATUS => {
                    let text = element.text().ok_or(StepFailure::Malformed)?;
                    step.state = Some(StepState::of(text).ok_or(StepFailure::InvalidState)?);
                }
                SCHEDULED_STEPS => {
                    for item in Elements::of(element.value, is_explicit) {
                        step.studies.extend(study_of(item?.value, is_explicit)?);
                    }
                }
                PERFORMED_SERIES => {
                    let items = Elements::of(element.value, is_explicit);
                    let series = items.map(|item| series_of(item?.value, is_explicit));
                    step.series = Some(series.collect::<Result<_, _>>()?);
                }
                _ => {}
            }
        }
        Ok(step)
    }
}

impl From<MalformedDataSet> for StepFailure {
    fn from(_: MalformedDataSet) -> Self {
        Self::Malformed
    }
}

fn study_of(item: &[u8], is_explicit: bool) -> Result<Option<StudyInstanceUid>, StepFailure> {
    for element in Elements::of(item, is_explicit) {
        let element = element?;
        if element.tag == STUDY_INSTANCE_UID {
            let uid = element.text().ok_or(StepFailure::Malformed)?;
            return Ok(StudyInstanceUid::new(uid).ok());
        }
    }
    Ok(None)
}

fn series_of(item: &[u8], is_explicit: bool) -> Result<PerformedSeries, StepFailure> {
    let mut series = PerformedSeries {
        series_instance_uid: String::new(),
        instances: Vec::new(),
    };
    for element in Elements::of(item, is_explicit) {
        let element = element?;
        match element.tag {
            SERIES_INSTANCE_UID => {
                let uid = element.text().ok_or(StepFailure::Malformed)?;
                SeriesInstanceUid::new(uid).map_err(|_| StepFailure::Malformed)?;
                uid.clone_into(&mut series.series_instance_uid);
            }
            REFERENCED_IMAGES | REFERENCED_OTHERS => {
                for reference in Elements::of(element.value, is_explicit) {
                    series.instances.push(instance_of(reference?, is_explicit)?);
                }
            }
            _ => {}
        }
    }
    Ok(series)
}

fn instance_of(reference: Element<'_>, is_explicit: bool) -> Result<String, StepFailure> {
    for element in Elements::of(reference.value, is_explicit) {
        let element = element?;
        if element.tag == REFERENCED_SOP_INSTANCE {
            let uid = element.text().ok_or(StepFailure::Malformed)?;
            SopInstanceUid::new(uid).map_err(|_| StepFailure::Malformed)?;
            return Ok(uid.to_owned());
        }
    }
    Err(StepFailure::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_set::Writer;

    fn request(is_explicit: bool, state: &str, study: &str, series: &[(&str, &[&str])]) -> Vec<u8> {
        let mut data_set = Writer::new(is_explicit);
        data_set.text(STEP_STATUS, *b"CS", state);
        let mut scheduled = Writer::new(is_explicit);
        scheduled.uid(STUDY_INSTANCE_UID, study);
        data_set.sequence(SCHEDULED_STEPS, [scheduled]);
        let series = series.iter().map(|(uid, instances)| {
            let mut item = Writer::new(is_explicit);
            let references = instances.iter().map(|instance| {
                let mut reference = Writer::new(is_explicit);
                reference.uid(REFERENCED_SOP_INSTANCE, instance);
                reference
            });
            item.sequence(REFERENCED_IMAGES, references);
            item.uid(SERIES_INSTANCE_UID, uid);
            item.sequence(REFERENCED_OTHERS, []);
            item
        });
        data_set.sequence(PERFORMED_SERIES, series);
        data_set.finish()
    }

    #[test]
    fn what_was_performed_is_read_in_both_encodings() {
        for is_explicit in [true, false] {
            let series: &[(&str, &[&str])] = &[("1.5", &["1.5.1", "1.5.2"]), ("1.6", &[])];
            let bytes = request(is_explicit, "COMPLETED", "1.2.3", series);
            let step = PerformedStep::decode(&bytes, is_explicit).unwrap();
            assert_eq!(step.state, Some(StepState::Completed));
            assert_eq!(step.studies, [StudyInstanceUid::new("1.2.3").unwrap()]);
            let series = step.series.unwrap();
            assert_eq!(series[0].series_instance_uid, "1.5");
            assert_eq!(series[0].instances, ["1.5.1", "1.5.2"]);
            assert!(series[1].instances.is_empty());
            let unknown = request(is_explicit, "ABANDONED", "1.2.3", &[]);
            assert_eq!(
                PerformedStep::decode(&unknown, is_explicit),
                Err(StepFailure::InvalidState)
            );
            let unnamed = request(is_explicit, "COMPLETED", "1.2.3", &[("1.5", &["../up"])]);
            assert_eq!(
                PerformedStep::decode(&unnamed, is_explicit),
                Err(StepFailure::Malformed)
            );
        }
    }

    #[test]
    fn no_mutated_step_panics_or_names_what_is_no_uid() {
        for is_explicit in [true, false] {
            let whole = request(
                is_explicit,
                "IN PROGRESS",
                "1.2.3",
                &[("1.5", &["1.5.1", "1.5.2"])],
            );
            let mut readable = 0;
            for at in 0..whole.len() {
                let _ = PerformedStep::decode(&whole[..at], is_explicit);
                for value in 0..=u8::MAX {
                    let mut bytes = whole.clone();
                    bytes[at] = value;
                    let Ok(step) = PerformedStep::decode(&bytes, is_explicit) else {
                        continue;
                    };
                    readable += 1;
                    for series in step.series.unwrap_or_default() {
                        assert!(
                            series
                                .instances
                                .iter()
                                .all(|uid| SopInstanceUid::new(uid).is_ok())
                        );
                    }
                }
            }
            assert!(readable > 100);
        }
    }
}
