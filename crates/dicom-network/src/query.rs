//! What is asked of an archive and what it answers (PS3.4 annex C): identifiers of queries at the levels of study and series.

use std::collections::BTreeMap;
use std::io::Cursor;

use dicom_dictionary_std::uids;
use dicom_object::{InMemDicomObject, Tag as ObjectTag};
use dicom_transfer_syntax_registry::entries::IMPLICIT_VR_LITTLE_ENDIAN;
use norma_domain::{SeriesInstanceUid, StudyInstanceUid};

use crate::data_set::{Elements, Tag, Writer};

const CHARACTER_SET: Tag = (0x0008, 0x0005);
pub(crate) const STUDY_DATE: Tag = (0x0008, 0x0020);
pub(crate) const STUDY_TIME: Tag = (0x0008, 0x0030);
pub(crate) const ACCESSION_NUMBER: Tag = (0x0008, 0x0050);
const QUERY_LEVEL: Tag = (0x0008, 0x0052);
const MODALITY: Tag = (0x0008, 0x0060);
pub(crate) const MODALITIES_IN_STUDY: Tag = (0x0008, 0x0061);
pub(crate) const STUDY_DESCRIPTION: Tag = (0x0008, 0x1030);
const SERIES_DESCRIPTION: Tag = (0x0008, 0x103E);
pub(crate) const PATIENT_NAME: Tag = (0x0010, 0x0010);
pub(crate) const PATIENT_ID: Tag = (0x0010, 0x0020);
pub(crate) const ISSUER_OF_PATIENT_ID: Tag = (0x0010, 0x0021);
pub(crate) const BIRTH_DATE: Tag = (0x0010, 0x0030);
const BODY_PART: Tag = (0x0018, 0x0015);
pub(crate) const STUDY_INSTANCE_UID: Tag = (0x0020, 0x000D);
const SERIES_INSTANCE_UID: Tag = (0x0020, 0x000E);
pub(crate) const SERIES_OF_STUDY: Tag = (0x0020, 0x1206);
pub(crate) const INSTANCES_OF_STUDY: Tag = (0x0020, 0x1208);
const INSTANCES_OF_SERIES: Tag = (0x0020, 0x1209);
/// Of what is written here where not all of it is ASCII.
const UTF_8: &str = "ISO_IR 192";
/// Of an attribute of an answer; what is longer is none of those that are read here.
const LONGEST_VALUE: usize = 1024;

/// An information model of queries and retrievals (PS3.4 section C.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueryModel {
    StudyRoot,
    /// Studies are asked for by their patient.
    PatientRoot,
}

/// The SOP classes that studies are found, moved and gotten by: Study Root first, then Patient Root, where that is not accepted.
pub const QUERY_RETRIEVE_CLASSES: [[&str; 3]; 2] =
    [QueryModel::StudyRoot.classes(), QueryModel::PatientRoot.classes()];

impl QueryModel {
    const fn classes(self) -> [&'static str; 3] {
        [
            self.find(),
            self.retrieve(Retrieve::Move),
            self.retrieve(Retrieve::Get),
        ]
    }

    pub(crate) const ALL: [Self; 2] = [Self::StudyRoot, Self::PatientRoot];

    pub(crate) const fn find(self) -> &'static str {
        match self {
            Self::StudyRoot => uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND,
            Self::PatientRoot => uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND,
        }
    }

    pub(crate) const fn retrieve(self, retrieve: Retrieve) -> &'static str {
        match (self, retrieve) {
            (Self::StudyRoot, Retrieve::Move) => uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_MOVE,
            (Self::StudyRoot, Retrieve::Get) => uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_GET,
            (Self::PatientRoot, Retrieve::Move) => uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_MOVE,
            (Self::PatientRoot, Retrieve::Get) => uids::PATIENT_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_GET,
        }
    }
}

/// How a study is had from an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retrieve {
    Move,
    Get,
}

/// A study that an archive has, as it says. Texts are empty where it says nothing. Identifying: not for logs.
#[derive(Clone, PartialEq, Eq)]
pub struct FoundStudy {
    pub study_instance_uid: StudyInstanceUid,
    pub patient_id: String,
    pub issuer_of_patient_id: String,
    pub patient_name: String,
    /// `YYYYMMDD`.
    pub birth_date: String,
    pub accession_number: String,
    /// `YYYYMMDD`.
    pub study_date: String,
    pub study_time: String,
    pub study_description: String,
    pub modalities: Vec<String>,
    pub series_count: Option<u32>,
    pub instance_count: Option<u32>,
}

impl std::fmt::Debug for FoundStudy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FoundStudy").finish_non_exhaustive()
    }
}

impl FoundStudy {
    pub(crate) fn of(answer: &Answer) -> Option<Self> {
        let count = |tag| answer.text(tag).parse().ok();
        Some(Self {
            study_instance_uid: StudyInstanceUid::new(&answer.text(STUDY_INSTANCE_UID))
                .ok()
                .filter(StudyInstanceUid::is_valid)?,
            patient_id: answer.text(PATIENT_ID),
            issuer_of_patient_id: answer.text(ISSUER_OF_PATIENT_ID),
            patient_name: answer.text(PATIENT_NAME),
            birth_date: answer.text(BIRTH_DATE),
            accession_number: answer.text(ACCESSION_NUMBER),
            study_date: answer.text(STUDY_DATE),
            study_time: answer.text(STUDY_TIME),
            study_description: answer.text(STUDY_DESCRIPTION),
            modalities: answer.texts(MODALITIES_IN_STUDY),
            series_count: count(SERIES_OF_STUDY),
            instance_count: count(INSTANCES_OF_STUDY),
        })
    }
}

/// A series of a study, as an archive says. Texts are empty where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSeries {
    pub series_instance_uid: SeriesInstanceUid,
    pub modality: String,
    /// (0018,0015).
    pub body_part: String,
    /// (0020,1209).
    pub instance_count: Option<u32>,
}

impl FoundSeries {
    /// What asks for the series of a study.
    pub(crate) fn keys(study: &StudyToRetrieve, model: QueryModel, is_explicit: bool) -> Vec<u8> {
        study
            .identifier("SERIES", model)
            .with(MODALITY, *b"CS", String::new())
            .with(SERIES_DESCRIPTION, *b"LO", String::new())
            .with(BODY_PART, *b"CS", String::new())
            .with(SERIES_INSTANCE_UID, *b"UI", String::new())
            .with(INSTANCES_OF_SERIES, *b"IS", String::new())
            .encode(is_explicit)
    }

    pub(crate) fn of(answer: &Answer) -> Option<Self> {
        Some(Self {
            series_instance_uid: SeriesInstanceUid::new(&answer.text(SERIES_INSTANCE_UID)).ok()?,
            modality: answer.text(MODALITY),
            body_part: answer.text(BODY_PART),
            instance_count: answer.text(INSTANCES_OF_SERIES).parse().ok(),
        })
    }
}

/// A study of an archive.
#[derive(Clone, PartialEq, Eq)]
pub struct StudyToRetrieve {
    pub study_instance_uid: StudyInstanceUid,
    /// Asked for by archives whose studies are found by their patient alone.
    pub patient_id: String,
}

impl std::fmt::Debug for StudyToRetrieve {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("StudyToRetrieve").finish_non_exhaustive()
    }
}

impl StudyToRetrieve {
    fn identifier(&self, level: &str, model: QueryModel) -> Identifier {
        let identifier = Identifier::at(level).with(
            STUDY_INSTANCE_UID,
            *b"UI",
            self.study_instance_uid.as_str().to_owned(),
        );
        match model {
            QueryModel::StudyRoot => identifier,
            QueryModel::PatientRoot => identifier.with(PATIENT_ID, *b"LO", self.patient_id.clone()),
        }
    }

    pub(crate) fn encode(&self, model: QueryModel, is_explicit: bool) -> Vec<u8> {
        self.identifier("STUDY", model).encode(is_explicit)
    }
}

/// The elements of a request by their tags.
pub(crate) struct Identifier(BTreeMap<Tag, ([u8; 2], String)>);

impl Identifier {
    pub(crate) fn at(level: &str) -> Self {
        Self(BTreeMap::new()).with(QUERY_LEVEL, *b"CS", level.to_owned())
    }

    pub(crate) fn with(mut self, tag: Tag, representation: [u8; 2], value: String) -> Self {
        self.0.insert(tag, (representation, value));
        self
    }

    pub(crate) fn encode(self, is_explicit: bool) -> Vec<u8> {
        let is_ascii = self.0.values().all(|(_, value)| value.is_ascii());
        let all = if is_ascii {
            self
        } else {
            self.with(CHARACTER_SET, *b"CS", UTF_8.to_owned())
        };
        let mut data_set = Writer::new(is_explicit);
        for (tag, (representation, value)) in &all.0 {
            data_set.text(*tag, *representation, value);
        }
        data_set.finish()
    }
}

/// The texts of an answer.
pub(crate) struct Answer(InMemDicomObject);

impl Answer {
    /// None where it is not well-formed.
    pub(crate) fn decode(data_set: &[u8], is_explicit: bool) -> Option<Self> {
        const READ: [Tag; 19] = [
            CHARACTER_SET,
            STUDY_DATE,
            STUDY_TIME,
            ACCESSION_NUMBER,
            QUERY_LEVEL,
            MODALITY,
            MODALITIES_IN_STUDY,
            STUDY_DESCRIPTION,
            SERIES_DESCRIPTION,
            PATIENT_NAME,
            PATIENT_ID,
            ISSUER_OF_PATIENT_ID,
            BIRTH_DATE,
            BODY_PART,
            STUDY_INSTANCE_UID,
            SERIES_INSTANCE_UID,
            SERIES_OF_STUDY,
            INSTANCES_OF_STUDY,
            INSTANCES_OF_SERIES,
        ];
        // What the library decodes is flat, with lengths that were walked before: it allocates by what they say.
        let mut read = Writer::new(false);
        for element in Elements::of(data_set, is_explicit) {
            let element = element.ok()?;
            if READ.contains(&element.tag) && element.value.len() <= LONGEST_VALUE {
                read.bytes(element.tag, element.value);
            }
        }
        let bytes = Cursor::new(read.finish());
        InMemDicomObject::read_dataset_with_ts(bytes, &IMPLICIT_VR_LITTLE_ENDIAN.erased())
            .ok()
            .map(Self)
    }

    fn texts(&self, (group, element): Tag) -> Vec<String> {
        let Ok(Some(found)) = self.0.element_opt(ObjectTag(group, element)) else {
            return Vec::new();
        };
        let Ok(values) = found.to_multi_str() else {
            return Vec::new();
        };
        let values = values.iter().map(|value| value.trim_matches(['\0', ' ']));
        values
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn text(&self, tag: Tag) -> String {
        self.texts(tag).into_iter().next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(elements: &[(Tag, &[u8; 2], &[u8])], is_explicit: bool) -> Vec<u8> {
        let mut data_set = Writer::new(is_explicit);
        for (tag, representation, value) in elements {
            let mut value = value.to_vec();
            if value.len() % 2 == 1 {
                value.push(b' ');
            }
            data_set.raw(*tag, **representation, &value);
        }
        data_set.finish()
    }

    #[test]
    fn an_answer_is_read_in_its_character_set() {
        // ISO_IR 144 is Cyrillic: one byte for each letter.
        let name = [0xB8, 0xD2, 0xD0, 0xDD, 0xDE, 0xD2];
        for is_explicit in [true, false] {
            let bytes = answer(
                &[
                    (CHARACTER_SET, b"CS", b"ISO_IR 144"),
                    (STUDY_DATE, b"DA", b"20250102"),
                    (MODALITIES_IN_STUDY, b"CS", b"CT\\SR"),
                    (PATIENT_NAME, b"PN", &name),
                    (PATIENT_ID, b"LO", b"P-17"),
                    (STUDY_INSTANCE_UID, b"UI", b"1.2.3.4"),
                    (INSTANCES_OF_STUDY, b"IS", b"32"),
                ],
                is_explicit,
            );
            let study = FoundStudy::of(&Answer::decode(&bytes, is_explicit).unwrap()).unwrap();
            assert_eq!(study.patient_name, "Иванов");
            assert_eq!(study.modalities, ["CT", "SR"]);
            assert_eq!(study.instance_count, Some(32));
            assert_eq!(study.issuer_of_patient_id, "");
            for end in 1..bytes.len() {
                // Whatever is cut off: no panic, and no study without its UID.
                let cut = Answer::decode(&bytes[..end], is_explicit);
                let found = cut.and_then(|answer| FoundStudy::of(&answer));
                assert!(found.is_none_or(|study| study.study_instance_uid.as_str() == "1.2.3.4"));
            }
        }
    }
}
