//! Storage commitment (PS3.4 annex J): what is asked for, and what is answered.

use dicom_dictionary_std::uids;
use norma_domain::SopInstanceUid;

use crate::command::Command;
use crate::data_set::{Element, Elements, MalformedDataSet, Tag, Writer};

/// The SOP class.
pub const STORAGE_COMMITMENT: &str = uids::STORAGE_COMMITMENT_PUSH_MODEL;
/// Its one instance (PS3.4 section J.3.5).
pub(crate) const WELL_KNOWN_INSTANCE: &str = uids::STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE;
/// Of N-ACTION: commitment is requested.
pub(crate) const REQUEST_COMMITMENT: u16 = 1;
/// Of N-EVENT-REPORT: all is committed to…
const SUCCESSFUL: u16 = 1;
/// …or not all.
const FAILURES_EXIST: u16 = 2;
/// Bytes of a request: some hundred thousand instances.
pub(crate) const REQUEST_BYTES: usize = 16 << 20;
/// The same of what is told.
pub(crate) const OUTCOME_BYTES: usize = 16 << 20;

const REFERENCED_SOP_CLASS: Tag = (0x0008, 0x1150);
const REFERENCED_SOP_INSTANCE: Tag = (0x0008, 0x1155);
const TRANSACTION_UID: Tag = (0x0008, 0x1195);
const FAILURE_REASON: Tag = (0x0008, 0x1197);
const FAILED_SOP_SEQUENCE: Tag = (0x0008, 0x1198);
const REFERENCED_SOP_SEQUENCE: Tag = (0x0008, 0x1199);

/// An instance and its class.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SopReference {
    pub class_uid: String,
    pub instance_uid: String,
}

/// What a peer wants to know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitmentRequest {
    pub transaction_uid: String,
    /// At least one.
    pub instances: Vec<SopReference>,
}

/// Why an instance is not committed to (PS3.3 section C.14.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommitmentFailure {
    NoSuchInstance,
    /// It is here as an instance of another class.
    ClassInstanceConflict,
}

impl CommitmentFailure {
    pub const ALL: [Self; 2] = [Self::NoSuchInstance, Self::ClassInstanceConflict];

    /// (0008,1197).
    pub const fn code(self) -> u16 {
        match self {
            Self::NoSuchInstance => 0x0112,
            Self::ClassInstanceConflict => 0x0119,
        }
    }
}

/// What a peer is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitmentReport {
    pub transaction_uid: String,
    pub committed: Vec<SopReference>,
    pub failed: Vec<(SopReference, CommitmentFailure)>,
}

/// What a peer tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitmentOutcome {
    pub transaction_uid: String,
    pub committed: Vec<SopReference>,
    /// With (0008,1197).
    pub failed: Vec<(SopReference, u16)>,
}

/// Where a peer says no reason: processing failure.
const NO_REASON: u16 = 0x0110;

impl CommitmentOutcome {
    pub(crate) fn decode(data_set: &[u8], is_explicit: bool) -> Result<Self, MalformedDataSet> {
        let mut transaction_uid = None;
        let (mut committed, mut failed) = (Vec::new(), Vec::new());
        for element in Elements::of(data_set, is_explicit) {
            let element = element?;
            match element.tag {
                TRANSACTION_UID => transaction_uid = Some(uid(&element)?),
                REFERENCED_SOP_SEQUENCE => {
                    for item in Elements::of(element.value, is_explicit) {
                        committed.push(reference(item?.value, is_explicit)?);
                    }
                }
                FAILED_SOP_SEQUENCE => {
                    for item in Elements::of(element.value, is_explicit) {
                        let item = item?.value;
                        let reason = failure_reason(item, is_explicit)?.unwrap_or(NO_REASON);
                        failed.push((reference(item, is_explicit)?, reason));
                    }
                }
                _ => {}
            }
        }
        Ok(Self {
            transaction_uid: transaction_uid.ok_or(MalformedDataSet)?,
            committed,
            failed,
        })
    }
}

fn failure_reason(item: &[u8], is_explicit: bool) -> Result<Option<u16>, MalformedDataSet> {
    for element in Elements::of(item, is_explicit) {
        let element = element?;
        if element.tag == FAILURE_REASON {
            let value: [u8; 2] = element.value.try_into().map_err(|_| MalformedDataSet)?;
            return Ok(Some(u16::from_le_bytes(value)));
        }
    }
    Ok(None)
}

impl CommitmentRequest {
    /// The data set of the N-ACTION.
    pub(crate) fn encode(&self, is_explicit: bool) -> Vec<u8> {
        let mut data_set = Writer::new(is_explicit);
        data_set.uid(TRANSACTION_UID, &self.transaction_uid);
        let items = self.instances.iter().map(|instance| {
            let mut item = Writer::new(is_explicit);
            item.uid(REFERENCED_SOP_CLASS, &instance.class_uid);
            item.uid(REFERENCED_SOP_INSTANCE, &instance.instance_uid);
            item
        });
        data_set.sequence(REFERENCED_SOP_SEQUENCE, items);
        data_set.finish()
    }

    pub(crate) fn decode(data_set: &[u8], is_explicit: bool) -> Result<Self, MalformedDataSet> {
        let mut transaction_uid = None;
        let mut instances = Vec::new();
        for element in Elements::of(data_set, is_explicit) {
            let element = element?;
            match element.tag {
                TRANSACTION_UID => transaction_uid = Some(uid(&element)?),
                REFERENCED_SOP_SEQUENCE => {
                    for item in Elements::of(element.value, is_explicit) {
                        instances.push(reference(item?.value, is_explicit)?);
                    }
                }
                _ => {}
            }
        }
        if instances.is_empty() {
            return Err(MalformedDataSet);
        }
        Ok(Self {
            transaction_uid: transaction_uid.ok_or(MalformedDataSet)?,
            instances,
        })
    }
}

impl CommitmentReport {
    /// The N-EVENT-REPORT that it goes with.
    pub(crate) fn command(&self, message_id: u16) -> Command {
        let event_type = if self.failed.is_empty() {
            SUCCESSFUL
        } else {
            FAILURES_EXIST
        };
        Command::event_report(message_id, STORAGE_COMMITMENT, WELL_KNOWN_INSTANCE, event_type)
    }

    /// Sequences without items are left out.
    pub(crate) fn encode(&self, is_explicit: bool) -> Vec<u8> {
        let item = |reference: &SopReference| {
            let mut item = Writer::new(is_explicit);
            item.uid(REFERENCED_SOP_CLASS, &reference.class_uid);
            item.uid(REFERENCED_SOP_INSTANCE, &reference.instance_uid);
            item
        };
        let mut data_set = Writer::new(is_explicit);
        data_set.uid(TRANSACTION_UID, &self.transaction_uid);
        if !self.failed.is_empty() {
            let items = self.failed.iter().map(|(reference, failure)| {
                let mut item = item(reference);
                item.number(FAILURE_REASON, failure.code());
                item
            });
            data_set.sequence(FAILED_SOP_SEQUENCE, items);
        }
        if !self.committed.is_empty() {
            data_set.sequence(REFERENCED_SOP_SEQUENCE, self.committed.iter().map(item));
        }
        data_set.finish()
    }
}

fn reference(item: &[u8], is_explicit: bool) -> Result<SopReference, MalformedDataSet> {
    let (mut class_uid, mut instance_uid) = (None, None);
    for element in Elements::of(item, is_explicit) {
        let element = element?;
        match element.tag {
            REFERENCED_SOP_CLASS => class_uid = Some(uid(&element)?),
            REFERENCED_SOP_INSTANCE => instance_uid = Some(uid(&element)?),
            _ => {}
        }
    }
    Ok(SopReference {
        class_uid: class_uid.ok_or(MalformedDataSet)?,
        instance_uid: instance_uid.ok_or(MalformedDataSet)?,
    })
}

/// As it names a file of the spool: letters, digits and a few marks.
fn uid(element: &Element<'_>) -> Result<String, MalformedDataSet> {
    let text = element.text().ok_or(MalformedDataSet)?;
    SopInstanceUid::new(text).map_err(|_| MalformedDataSet)?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use dicom_object::InMemDicomObject;
    use dicom_transfer_syntax_registry::entries::{EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN};

    use super::*;

    fn reference(instance: &str) -> SopReference {
        SopReference {
            class_uid: uids::CT_IMAGE_STORAGE.to_owned(),
            instance_uid: instance.to_owned(),
        }
    }

    #[test]
    fn a_report_is_read_by_others_as_it_was_meant() {
        let report = CommitmentReport {
            transaction_uid: "1.2.3".to_owned(),
            committed: vec![reference("1.1"), reference("1.22")],
            failed: vec![(reference("1.3"), CommitmentFailure::NoSuchInstance)],
        };
        let syntaxes = [
            (true, EXPLICIT_VR_LITTLE_ENDIAN.erased()),
            (false, IMPLICIT_VR_LITTLE_ENDIAN.erased()),
        ];
        for (is_explicit, syntax) in syntaxes {
            let bytes = report.encode(is_explicit);
            let read = InMemDicomObject::read_dataset_with_ts(Cursor::new(bytes), &syntax).unwrap();
            let items = |keyword| {
                let sequence = read.element_by_name(keyword).unwrap();
                let items = sequence.items().unwrap().iter();
                items
                    .map(|item| {
                        let uid = item.element_by_name("ReferencedSOPInstanceUID").unwrap();
                        uid.to_str().unwrap().into_owned()
                    })
                    .collect::<Vec<_>>()
            };
            assert_eq!(items("ReferencedSOPSequence"), ["1.1", "1.22"]);
            assert_eq!(items("FailedSOPSequence"), ["1.3"]);
            let failed = read.element_by_name("FailedSOPSequence").unwrap();
            let reason = failed.items().unwrap()[0].element_by_name("FailureReason");
            assert_eq!(reason.unwrap().to_int::<u16>().unwrap(), 0x0112);
        }
    }

    #[test]
    fn what_is_asked_and_told_is_read_as_it_was_written() {
        let request = CommitmentRequest {
            transaction_uid: "1.2.3".to_owned(),
            instances: vec![reference("1.1"), reference("1.22")],
        };
        let report = CommitmentReport {
            transaction_uid: "1.2.3".to_owned(),
            committed: vec![reference("1.1")],
            failed: vec![(reference("1.3"), CommitmentFailure::ClassInstanceConflict)],
        };
        for is_explicit in [true, false] {
            let read = CommitmentRequest::decode(&request.encode(is_explicit), is_explicit);
            assert_eq!(read.as_ref(), Ok(&request));
            let bytes = report.encode(is_explicit);
            let outcome = CommitmentOutcome::decode(&bytes, is_explicit).unwrap();
            assert_eq!(outcome.transaction_uid, "1.2.3");
            assert_eq!(outcome.committed, report.committed);
            assert_eq!(outcome.failed, [(reference("1.3"), 0x0119)]);
            // What ends between two elements is whole.
            let second = bytes
                .windows(4)
                .position(|tag| tag == [0x08, 0x00, 0x99, 0x11])
                .unwrap();
            for end in 0..bytes.len() {
                let cut = CommitmentOutcome::decode(&bytes[..end], is_explicit);
                assert!(cut.is_err() || end == 8 + 6 || end == second, "cut at {end}");
            }
        }
    }

    #[test]
    fn a_request_names_its_transaction_and_an_instance_at_least() {
        let written = |has_transaction, instances: &[&str]| {
            let report = CommitmentReport {
                transaction_uid: "1.2.3".to_owned(),
                committed: instances.iter().map(|uid| reference(uid)).collect(),
                failed: Vec::new(),
            };
            let bytes = report.encode(false);
            let skipped = if has_transaction { 0 } else { 8 + 6 };
            CommitmentRequest::decode(&bytes[skipped..], false)
        };
        let request = written(true, &["1.1", "1.22"]).unwrap();
        assert_eq!(request.transaction_uid, "1.2.3");
        assert_eq!(request.instances, [reference("1.1"), reference("1.22")]);
        assert_eq!(written(false, &["1.1"]), Err(MalformedDataSet));
        assert_eq!(written(true, &[]), Err(MalformedDataSet));
        assert_eq!(written(true, &["../up"]), Err(MalformedDataSet));
    }

    #[test]
    fn no_mutated_request_panics_or_names_what_is_no_uid() {
        let report = CommitmentReport {
            transaction_uid: "1.2.3".to_owned(),
            committed: vec![reference("1.1"), reference("1.22")],
            failed: Vec::new(),
        };
        for is_explicit in [true, false] {
            let whole = report.encode(is_explicit);
            let mut readable = 0;
            for at in 0..whole.len() {
                assert!(
                    CommitmentRequest::decode(&whole[..at], is_explicit).is_err(),
                    "cut at {at}"
                );
                for value in 0..=u8::MAX {
                    let mut bytes = whole.clone();
                    bytes[at] = value;
                    let Ok(request) = CommitmentRequest::decode(&bytes, is_explicit) else {
                        continue;
                    };
                    readable += 1;
                    for reference in request.instances {
                        assert!(SopInstanceUid::new(&reference.instance_uid).is_ok());
                    }
                }
            }
            assert!(
                readable > 100,
                "the mutations reach what lies behind the first check"
            );
        }
    }
}
