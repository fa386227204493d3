//! Whose study the files say it is. Identifying: it belongs into the database and into answers to those who may see
//! patients, never into a log, span, metric, message or error.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::NamedPerson;
use crate::named_person::add_person;
use crate::person_name::names_agree;

/// The attributes by which DICOM says whose study it is and where it comes from (PS3.3 C.7.1.1, C.7.2.1, C.7.5.1).
///
/// An attribute is None where no file has it, and where the files of the study contradict each other.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StudyIdentity {
    /// Patient ID (0010,0020).
    pub patient_id: Option<String>,
    /// Issuer of Patient ID (0010,0021): who gave the Patient ID.
    pub issuer_of_patient_id: Option<String>,
    /// Patient's Name (0010,0010) as in the file: `family^given^middle^prefix^suffix`.
    #[cfg_attr(feature = "openapi", schema(example = "Petrova^Anna"))]
    pub patient_name: Option<String>,
    /// Patient's Birth Date (0010,0030) as `YYYYMMDD`.
    pub birth_date: Option<String>,
    /// Patient's Sex (0010,0040): `M`, `F` or `O`.
    pub sex: Option<String>,
    /// Accession Number (0008,0050).
    pub accession_number: Option<String>,
    /// Study Date (0008,0020) as `YYYYMMDD`.
    pub study_date: Option<String>,
    /// Study Time (0008,0030) as `HHMMSS`, or a beginning of it.
    pub study_time: Option<String>,
    /// Study Description (0008,1030).
    pub study_description: Option<String>,
    /// Referring Physician's Name (0008,0090).
    pub referring_physician: Option<String>,
    /// Institution Name (0008,0080).
    pub institution: Option<String>,
    /// Whether Patient Identity Removed (0012,0062) says that name and Patient ID are pseudonyms.
    pub is_deidentified: bool,
    /// Where the files say several things of their patient: each of them. Empty where all say the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub persons: Vec<NamedPerson>,
}

impl StudyIdentity {
    /// What files say together.
    pub fn of_files<'file>(files: impl Iterator<Item = &'file Self>) -> Self {
        let mut files = files.peekable();
        let Some(first) = files.peek() else {
            return Self::default();
        };
        let mut identity = (*first).clone();
        let mut contradicted = Vec::new();
        let mut persons = Vec::new();
        for file in files {
            add_person(&mut persons, NamedPerson::from(file));
            identity.agree_with(file, &mut contradicted);
        }
        if persons.len() > 1 {
            identity.persons = persons;
        }
        identity
    }

    /// Every text with the name of its attribute.
    pub fn attributes(&self) -> [(&'static str, Option<&str>); 11] {
        [
            ("patient_id", self.patient_id.as_deref()),
            ("issuer_of_patient_id", self.issuer_of_patient_id.as_deref()),
            ("patient_name", self.patient_name.as_deref()),
            ("birth_date", self.birth_date.as_deref()),
            ("sex", self.sex.as_deref()),
            ("accession_number", self.accession_number.as_deref()),
            ("study_date", self.study_date.as_deref()),
            ("study_time", self.study_time.as_deref()),
            ("study_description", self.study_description.as_deref()),
            ("referring_physician", self.referring_physician.as_deref()),
            ("institution", self.institution.as_deref()),
        ]
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.persons.is_empty() && self.attributes().iter().all(|(_, text)| text.is_none())
    }

    /// Keeps what both say alike, and what only one says. Contradictions are remembered in `contradicted`: what two
    /// files disagree about stays unknown whatever a third says.
    fn agree_with(&mut self, other: &Self, contradicted: &mut Vec<&'static str>) {
        let texts = [
            ("patient_id", &mut self.patient_id, &other.patient_id),
            (
                "issuer_of_patient_id",
                &mut self.issuer_of_patient_id,
                &other.issuer_of_patient_id,
            ),
            ("patient_name", &mut self.patient_name, &other.patient_name),
            ("birth_date", &mut self.birth_date, &other.birth_date),
            ("sex", &mut self.sex, &other.sex),
            (
                "accession_number",
                &mut self.accession_number,
                &other.accession_number,
            ),
            ("study_date", &mut self.study_date, &other.study_date),
            ("study_time", &mut self.study_time, &other.study_time),
            (
                "study_description",
                &mut self.study_description,
                &other.study_description,
            ),
            (
                "referring_physician",
                &mut self.referring_physician,
                &other.referring_physician,
            ),
            ("institution", &mut self.institution, &other.institution),
        ];
        for (name, ours, theirs) in texts {
            if contradicted.contains(&name) {
                continue;
            }
            match (&ours, theirs) {
                // One name in two ways of writing is known.
                (Some(one), Some(another)) if name == "patient_name" && names_agree(one, another) => {}
                (Some(one), Some(another)) if one != another => {
                    *ours = None;
                    contradicted.push(name);
                }
                (None, Some(_)) => ours.clone_from(theirs),
                _ => {}
            }
        }
        self.is_deidentified &= other.is_deidentified;
    }
}

/// Names what is known and tells none of it.
impl fmt::Debug for StudyIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.attributes().into_iter();
        formatter
            .debug_set()
            .entries(known.filter_map(|(name, text)| text.map(|_| name)))
            .finish()
    }
}

impl NamedPerson {
    /// The person as a study that names nobody else would say it.
    pub fn as_study(&self) -> StudyIdentity {
        StudyIdentity {
            patient_id: self.patient_id.clone(),
            issuer_of_patient_id: self.issuer_of_patient_id.clone(),
            patient_name: self.patient_name.clone(),
            birth_date: self.birth_date.clone(),
            sex: self.sex.clone(),
            is_deidentified: self.is_deidentified,
            ..StudyIdentity::default()
        }
    }
}

impl From<&StudyIdentity> for NamedPerson {
    fn from(file: &StudyIdentity) -> Self {
        Self {
            patient_id: file.patient_id.clone(),
            issuer_of_patient_id: file.issuer_of_patient_id.clone(),
            patient_name: file.patient_name.clone(),
            birth_date: file.birth_date.clone(),
            sex: file.sex.clone(),
            is_deidentified: file.is_deidentified,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> StudyIdentity {
        StudyIdentity {
            patient_name: Some(name.to_owned()),
            ..StudyIdentity::default()
        }
    }

    #[test]
    fn what_files_disagree_about_stays_unknown_and_each_of_it_is_kept() {
        let numbered = StudyIdentity {
            patient_id: Some("7".to_owned()),
            ..named("B")
        };
        let files = [named("A"), numbered.clone(), named("B"), StudyIdentity::default()];
        let identity = StudyIdentity::of_files(files.iter());
        assert_eq!(identity.patient_name, None);
        assert_eq!(identity.patient_id.as_deref(), Some("7"));
        // What says less than another is nobody of its own.
        let persons = [NamedPerson::from(&named("A")), NamedPerson::from(&numbered)];
        assert_eq!(identity.persons, persons);
        assert!(!identity.is_empty());

        let agreed = StudyIdentity::of_files([numbered.clone(), named("B")].iter());
        assert_eq!(agreed, numbered);
        assert_eq!(StudyIdentity::of_files([].iter()), StudyIdentity::default());
    }

    #[test]
    fn of_a_thousand_persons_a_few_are_kept() {
        let files: Vec<_> = (0..1000).map(|number| named(&format!("P{number}"))).collect();
        let identity = StudyIdentity::of_files(files.iter());
        assert!((16..=64).contains(&identity.persons.len()));
    }

    #[test]
    fn nothing_of_it_is_in_its_debug_form() {
        let text = format!("{:?}", named("Zmarkerova^Anna"));
        assert_eq!(text, "{\"patient_name\"}");
    }
}
