//! What studies are asked for by, and which answers are what was asked for.

use norma_domain::StudyInstanceUid;

use crate::query::{
    ACCESSION_NUMBER, BIRTH_DATE, FoundStudy, INSTANCES_OF_STUDY, ISSUER_OF_PATIENT_ID, Identifier,
    MODALITIES_IN_STUDY, PATIENT_ID, PATIENT_NAME, SERIES_OF_STUDY, STUDY_DATE, STUDY_DESCRIPTION,
    STUDY_INSTANCE_UID, STUDY_TIME,
};

/// Which studies are wanted: all that is said has to agree, as it stands. At least one of the first three.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StudyKeys {
    pub study_instance_uid: Option<String>,
    pub accession_number: Option<String>,
    pub patient_id: Option<String>,
    /// Who gave the Patient ID. A study whose archive does not say is taken.
    pub issuer_of_patient_id: Option<String>,
    /// `CT`; a study whose archive does not say is taken.
    pub modality: Option<String>,
    /// The first day, `YYYYMMDD`.
    pub from: Option<String>,
    /// The last day, `YYYYMMDD`.
    pub until: Option<String>,
}

/// Names what is asked by and tells none of it.
impl std::fmt::Debug for StudyKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys = [
            ("study_instance_uid", &self.study_instance_uid),
            ("accession_number", &self.accession_number),
            ("patient_id", &self.patient_id),
            ("issuer_of_patient_id", &self.issuer_of_patient_id),
        ];
        let known = keys.into_iter().filter(|(_, value)| value.is_some());
        formatter
            .debug_set()
            .entries(known.map(|(name, _)| name))
            .finish()
    }
}

/// Keys that ask for nothing, or for more than one study or patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    #[error("names no study: an accession number, a Patient ID or a Study Instance UID is needed")]
    Nothing,
    #[error(
        "{0} is no value of DICOM that stands for itself: 1 to 64 characters (16 of an accession number), no backslash, * and ?"
    )]
    Value(&'static str),
}

impl StudyKeys {
    /// Wildcards would make an archive answer with other patients' studies.
    ///
    /// # Errors
    /// Where nothing is asked for, or a value is none.
    pub fn check(&self) -> Result<(), InvalidKeys> {
        let uid = self.study_instance_uid.as_deref();
        if uid.is_some_and(|uid| !StudyInstanceUid::new(uid).is_ok_and(|uid| uid.is_valid())) {
            return Err(InvalidKeys::Value("the Study Instance UID"));
        }
        for (name, value, longest) in [
            ("the accession number", &self.accession_number, 16),
            ("the Patient ID", &self.patient_id, 64),
            ("the issuer of the Patient ID", &self.issuer_of_patient_id, 64),
            ("the modality", &self.modality, 16),
            ("the first day", &self.from, 8),
            ("the last day", &self.until, 8),
        ] {
            if value.as_deref().is_some_and(|value| !is_plain(value, longest)) {
                return Err(InvalidKeys::Value(name));
            }
        }
        if uid.is_none() && self.accession_number.is_none() && self.patient_id.is_none() {
            return Err(InvalidKeys::Nothing);
        }
        Ok(())
    }

    pub(crate) fn encode(&self, is_explicit: bool) -> Vec<u8> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let days = match (&self.from, &self.until) {
            (None, None) => String::new(),
            (from, until) => format!("{}-{}", text(from), text(until)),
        };
        Identifier::at("STUDY")
            .with(STUDY_DATE, *b"DA", days)
            .with(STUDY_TIME, *b"TM", String::new())
            .with(ACCESSION_NUMBER, *b"SH", text(&self.accession_number))
            .with(MODALITIES_IN_STUDY, *b"CS", text(&self.modality))
            .with(STUDY_DESCRIPTION, *b"LO", String::new())
            .with(PATIENT_NAME, *b"PN", String::new())
            .with(PATIENT_ID, *b"LO", text(&self.patient_id))
            .with(ISSUER_OF_PATIENT_ID, *b"LO", text(&self.issuer_of_patient_id))
            .with(BIRTH_DATE, *b"DA", String::new())
            .with(STUDY_INSTANCE_UID, *b"UI", text(&self.study_instance_uid))
            .with(SERIES_OF_STUDY, *b"IS", String::new())
            .with(INSTANCES_OF_STUDY, *b"IS", String::new())
            .encode(is_explicit)
    }

    /// Whether an answer is what was asked for: archives ignore keys that they do not know, and answer with all they have.
    pub(crate) fn agree_with(&self, study: &FoundStudy) -> bool {
        let must = |key: &Option<String>, value: &str| key.as_deref().is_none_or(|key| key.trim() == value);
        let may = |key: &Option<String>, value: &str| value.is_empty() || must(key, value);
        let has_modality = self.modality.as_ref().is_none_or(|modality| {
            study.modalities.is_empty() || study.modalities.iter().any(|has| has == modality)
        });
        must(&self.study_instance_uid, study.study_instance_uid.as_str())
            && must(&self.accession_number, &study.accession_number)
            && must(&self.patient_id, &study.patient_id)
            && may(&self.issuer_of_patient_id, &study.issuer_of_patient_id)
            && self
                .from
                .as_ref()
                .is_none_or(|from| study.study_date.as_str() >= from.as_str())
            && self
                .until
                .as_ref()
                .is_none_or(|until| study.study_date.as_str() <= until.as_str())
            && has_modality
    }
}

/// A text that an archive takes as it stands.
fn is_plain(text: &str, longest: usize) -> bool {
    let is_sign = |sign: char| sign.is_control() || ['\\', '*', '?', '"'].contains(&sign);
    !text.trim().is_empty() && text.chars().count() <= longest && !text.chars().any(is_sign)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use dicom_object::InMemDicomObject;
    use dicom_transfer_syntax_registry::entries::IMPLICIT_VR_LITTLE_ENDIAN;

    use super::*;

    fn keys() -> StudyKeys {
        StudyKeys {
            patient_id: Some("P-17".to_owned()),
            issuer_of_patient_id: Some("CLINIC".to_owned()),
            ..StudyKeys::default()
        }
    }

    #[test]
    fn what_was_not_asked_for_is_told_apart() {
        let study = |patient_id: &str, issuer: &str| FoundStudy {
            study_instance_uid: StudyInstanceUid::new("1.2.3").unwrap(),
            patient_id: patient_id.to_owned(),
            issuer_of_patient_id: issuer.to_owned(),
            patient_name: "DOE^JANE".to_owned(),
            birth_date: String::new(),
            accession_number: "A1".to_owned(),
            study_date: "20250102".to_owned(),
            study_time: String::new(),
            study_description: String::new(),
            modalities: Vec::new(),
            series_count: None,
            instance_count: None,
        };
        assert!(keys().agree_with(&study("P-17", "CLINIC")));
        assert!(
            !keys().agree_with(&study("P-17", "OTHER")),
            "the same number of another issuer"
        );
        assert!(!keys().agree_with(&study("P-1", "")));
        assert!(!keys().agree_with(&study("", "")), "whose it is is not said");
        let dated = StudyKeys {
            from: Some("20250103".to_owned()),
            ..keys()
        };
        assert!(!dated.agree_with(&study("P-17", "")));
    }

    #[test]
    fn keys_stand_for_themselves() {
        assert_eq!(keys().check(), Ok(()));
        assert_eq!(StudyKeys::default().check(), Err(InvalidKeys::Nothing));
        let issuer_alone = StudyKeys {
            patient_id: None,
            ..keys()
        };
        assert_eq!(issuer_alone.check(), Err(InvalidKeys::Nothing));
        for patient_id in ["*", "P?", "A\\B", "", "  ", "a\nb", &"x".repeat(65)] {
            let keys = StudyKeys {
                patient_id: Some(patient_id.to_owned()),
                ..StudyKeys::default()
            };
            assert!(
                matches!(keys.check(), Err(InvalidKeys::Value(_))),
                "{patient_id:?}"
            );
        }
        assert_eq!(
            format!("{:?}", keys()),
            r#"{"patient_id", "issuer_of_patient_id"}"#
        );
    }

    #[test]
    fn what_is_asked_is_read_by_others_as_it_was_meant() {
        let asked = StudyKeys {
            patient_id: Some("Ж-1".to_owned()),
            until: Some("20250102".to_owned()),
            ..StudyKeys::default()
        };
        let bytes = asked.encode(false);
        let syntax = IMPLICIT_VR_LITTLE_ENDIAN.erased();
        let read = InMemDicomObject::read_dataset_with_ts(Cursor::new(bytes), &syntax).unwrap();
        let text = |name| {
            let text = read.element_by_name(name).unwrap().to_str().unwrap();
            text.trim_end().to_owned()
        };
        assert_eq!(text("QueryRetrieveLevel"), "STUDY");
        assert_eq!(text("PatientID"), "Ж-1");
        assert_eq!(text("StudyDate"), "-20250102");
        assert_eq!(text("StudyInstanceUID"), "");
    }
}
