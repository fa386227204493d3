//! The persons whom the files of one study name, where they name several.
//!
//! Identifying, as the study's identity that holds them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most that are told of one study. More are those of no patient, whoever was chosen.
const MOST_PERSONS: usize = 32;

/// One of several persons whom the files of a study name. An attribute that no file of the person has is None.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamedPerson {
    /// Patient ID (0010,0020).
    pub patient_id: Option<String>,
    /// Issuer of Patient ID (0010,0021): who gave the Patient ID.
    pub issuer_of_patient_id: Option<String>,
    /// Patient's Name (0010,0010) as in the files.
    pub patient_name: Option<String>,
    /// Patient's Birth Date (0010,0030) as `YYYYMMDD`.
    pub birth_date: Option<String>,
    /// Patient's Sex (0010,0040): `M`, `F` or `O`.
    pub sex: Option<String>,
    /// Whether Patient Identity Removed (0012,0062) says that name and Patient ID are pseudonyms.
    pub is_deidentified: bool,
}

impl NamedPerson {
    fn texts(&self) -> [&Option<String>; 5] {
        [
            &self.patient_id,
            &self.issuer_of_patient_id,
            &self.patient_name,
            &self.birth_date,
            &self.sex,
        ]
    }

    /// Whether this says nothing that the other does not say.
    fn is_part_of(&self, other: &Self) -> bool {
        let texts = self.texts().into_iter().zip(other.texts());
        self.is_deidentified == other.is_deidentified
            && texts
                .into_iter()
                .all(|(ours, theirs)| ours.is_none() || ours == theirs)
    }
}

/// Never what it holds.
impl fmt::Debug for NamedPerson {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("NamedPerson([redacted])")
    }
}

/// Whether so many persons were named that those beyond were not kept.
pub(crate) fn are_too_many(persons: &[NamedPerson]) -> bool {
    persons.len() >= MOST_PERSONS
}

/// Adds a person whom a file names, unless somebody in the list says as much.
pub(crate) fn add_person(persons: &mut Vec<NamedPerson>, person: NamedPerson) {
    if person.texts().iter().all(|text| text.is_none())
        || persons.iter().any(|known| person.is_part_of(known))
    {
        return;
    }
    persons.retain(|known| !known.is_part_of(&person));
    if !are_too_many(persons) {
        persons.push(person);
    }
}
