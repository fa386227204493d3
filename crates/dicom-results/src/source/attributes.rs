//! Whose study it is: what every object of a study repeats (PS3.3 C.7.1.1, C.7.2.1).

use std::fmt;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use serde::{Deserialize, Serialize};

/// Texts of one file, empty where it has none.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StudyAttributes {
    pub study_instance_uid: String,
    pub patient_name: String,
    pub patient_id: String,
    pub issuer_of_patient_id: String,
    pub birth_date: String,
    pub sex: String,
    pub age: String,
    pub study_id: String,
    pub study_date: String,
    pub study_time: String,
    pub accession_number: String,
    pub referring_physician: String,
    pub study_description: String,
    pub identity_removed: String,
    pub deidentification_method: String,
    pub body_part: String,
}

/// Without what it says: patient data.
impl fmt::Debug for StudyAttributes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StudyAttributes").finish_non_exhaustive()
    }
}

impl StudyAttributes {
    pub(super) fn of(data_set: &InMemDicomObject) -> Self {
        let text = |tag| text_of(data_set, tag);
        Self {
            study_instance_uid: text(tags::STUDY_INSTANCE_UID),
            patient_name: text(tags::PATIENT_NAME),
            patient_id: text(tags::PATIENT_ID),
            issuer_of_patient_id: text(tags::ISSUER_OF_PATIENT_ID),
            birth_date: only(text(tags::PATIENT_BIRTH_DATE), is_date),
            sex: only(text(tags::PATIENT_SEX), |sex| ["M", "F", "O"].contains(&sex)),
            age: only(text(tags::PATIENT_AGE), is_age),
            study_id: text(tags::STUDY_ID),
            study_date: only(text(tags::STUDY_DATE), is_date),
            study_time: only(text(tags::STUDY_TIME), is_time),
            accession_number: text(tags::ACCESSION_NUMBER),
            referring_physician: text(tags::REFERRING_PHYSICIAN_NAME),
            study_description: text(tags::STUDY_DESCRIPTION),
            identity_removed: only(text(tags::PATIENT_IDENTITY_REMOVED), |text| {
                ["YES", "NO"].contains(&text)
            }),
            deidentification_method: text(tags::DEIDENTIFICATION_METHOD),
            body_part: only(text(tags::BODY_PART_EXAMINED), is_code_string),
        }
    }

    /// The elements that an object of the study repeats, but for the body part.
    pub(crate) fn elements(&self) -> [(Tag, VR, &str, Presence); 15] {
        use Presence::{Always, WhereKnown};
        [
            (tags::STUDY_INSTANCE_UID, VR::UI, &self.study_instance_uid, Always),
            (tags::PATIENT_NAME, VR::PN, &self.patient_name, Always),
            (tags::PATIENT_ID, VR::LO, &self.patient_id, Always),
            (
                tags::ISSUER_OF_PATIENT_ID,
                VR::LO,
                &self.issuer_of_patient_id,
                WhereKnown,
            ),
            (tags::PATIENT_BIRTH_DATE, VR::DA, &self.birth_date, Always),
            (tags::PATIENT_SEX, VR::CS, &self.sex, Always),
            (tags::PATIENT_AGE, VR::AS, &self.age, WhereKnown),
            (tags::STUDY_ID, VR::SH, &self.study_id, Always),
            (tags::STUDY_DATE, VR::DA, &self.study_date, Always),
            (tags::STUDY_TIME, VR::TM, &self.study_time, Always),
            (tags::ACCESSION_NUMBER, VR::SH, &self.accession_number, Always),
            (
                tags::REFERRING_PHYSICIAN_NAME,
                VR::PN,
                &self.referring_physician,
                Always,
            ),
            (
                tags::STUDY_DESCRIPTION,
                VR::LO,
                &self.study_description,
                WhereKnown,
            ),
            (
                tags::PATIENT_IDENTITY_REMOVED,
                VR::CS,
                &self.identity_removed,
                WhereKnown,
            ),
            (
                tags::DEIDENTIFICATION_METHOD,
                VR::LO,
                &self.deidentification_method,
                WhereKnown,
            ),
        ]
    }
}

/// Whether an element stands there without a value too (type 2) or not (type 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Always,
    WhereKnown,
}

pub(super) fn text_of(data_set: &InMemDicomObject, tag: Tag) -> String {
    data_set
        .get(tag)
        .and_then(|element| element.to_str().ok())
        .map(|text| text.trim_matches(['\0', ' ']).to_owned())
        .unwrap_or_default()
}

/// A value that breaks the rules of its representation would make the object break them too.
fn only(text: String, is_valid: impl Fn(&str) -> bool) -> String {
    if is_valid(&text) { text } else { String::new() }
}

fn is_date(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_time(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    matches!(whole.len(), 2 | 4 | 6) && digits(whole) && (1..=6).contains(&fraction.len()) && digits(fraction)
}

fn is_age(text: &str) -> bool {
    text.len() == 4
        && text.bytes().take(3).all(|byte| byte.is_ascii_digit())
        && text.ends_with(['D', 'W', 'M', 'Y'])
}

fn is_code_string(text: &str) -> bool {
    text.len() <= 16
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b" _".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_the_rules_is_left_out() {
        assert!(is_date("20261101") && !is_date("2026-11-01") && !is_date(""));
        assert!(is_time("101010") && is_time("1010") && is_time("101010.5") && !is_time("10:10"));
        assert!(is_age("066Y") && !is_age("66"));
        assert!(is_code_string("CHEST") && !is_code_string("chest"));
    }
}
