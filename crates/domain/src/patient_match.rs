//! Whether a study is of the patient that somebody chose for it.
//!
//! An attribute contradicts where both sides say something and it is not the same. What one side leaves open contradicts
//! nothing, and a study whose identity was removed says nothing of whose it is. A false alarm costs a person's look; a
//! study in another patient's record may cost a life: so what is doubtful is told.

use serde::{Deserialize, Serialize};

use crate::named_person::are_too_many;
use crate::person_name::{is_placeholder, names_agree};
use crate::{NamedPerson, StudyIdentity};

/// An attribute by which a study and a patient are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum IdentityAttribute {
    PatientId,
    PatientName,
    BirthDate,
    Sex,
}

impl IdentityAttribute {
    pub const ALL: [Self; 4] = [Self::PatientId, Self::PatientName, Self::BirthDate, Self::Sex];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PatientId => "patient_id",
            Self::PatientName => "patient_name",
            Self::BirthDate => "birth_date",
            Self::Sex => "sex",
        }
    }
}

/// A Patient ID and who gave it.
#[derive(Clone, PartialEq, Eq)]
pub struct PatientIdentifier {
    pub id: String,
    pub issuer: Option<String>,
}

/// All that is known of a patient: as registered, and by the studies that are in the record already. Identifying, so it
/// has no debug form.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KnownPatient {
    pub names: Vec<String>,
    pub identifiers: Vec<PatientIdentifier>,
    /// `YYYYMMDD`.
    pub birth_dates: Vec<String>,
    /// `M`, `F` or `O`.
    pub sexes: Vec<String>,
}

impl KnownPatient {
    /// Adds what a study of the patient says. Of files that name several persons nobody knows which one is the patient.
    pub fn learn(&mut self, study: &StudyIdentity) {
        if contradictions_among_files(study).is_empty() {
            said_by(study).iter().for_each(|one| self.learn_one(one));
        }
    }

    fn learn_one(&mut self, study: &StudyIdentity) {
        if study.is_deidentified {
            return;
        }
        self.names.extend(study.patient_name.clone());
        if let Some(id) = &study.patient_id {
            self.identifiers.push(PatientIdentifier {
                id: id.clone(),
                issuer: study.issuer_of_patient_id.clone(),
            });
        }
        self.birth_dates.extend(study.birth_date.clone());
        self.sexes.extend(study.sex.clone());
    }

    /// In what the study, or one of its files, says that it is another's. Files that contradict each other cannot all be this
    /// patient's.
    pub fn contradictions(&self, study: &StudyIdentity) -> Vec<IdentityAttribute> {
        let of_files = said_by(study);
        let mut found: Vec<IdentityAttribute> = of_files
            .iter()
            .flat_map(|one| self.contradictions_of_one(one))
            .collect();
        found.extend(contradictions_among_files(study));
        in_order(found)
    }

    fn contradictions_of_one(&self, study: &StudyIdentity) -> Vec<IdentityAttribute> {
        if study.is_deidentified {
            return Vec::new();
        }
        let checks = [
            (IdentityAttribute::PatientId, self.identifier_contradicts(study)),
            (IdentityAttribute::PatientName, self.name_contradicts(study)),
            (
                IdentityAttribute::BirthDate,
                contradicts(&self.birth_dates, study.birth_date.as_ref(), |date| {
                    // What systems write for an unknown date of birth.
                    date > "19010101"
                }),
            ),
            (
                IdentityAttribute::Sex,
                contradicts(&self.sexes, study.sex.as_ref(), |sex| matches!(sex, "M" | "F")),
            ),
        ];
        let found = checks.into_iter().filter(|(_, is_contradicted)| *is_contradicted);
        found.map(|(attribute, _)| attribute).collect()
    }

    /// Identifiers of two issuers say nothing of each other.
    fn identifier_contradicts(&self, study: &StudyIdentity) -> bool {
        let Some(id) = study.patient_id.as_ref().filter(|id| !is_placeholder(id)) else {
            return false;
        };
        let comparable: Vec<&PatientIdentifier> = self
            .identifiers
            .iter()
            .filter(|known| match (&known.issuer, &study.issuer_of_patient_id) {
                (Some(known), Some(said)) => same(known, said),
                _ => true,
            })
            .filter(|known| !is_placeholder(&known.id))
            .collect();
        !comparable.is_empty() && comparable.iter().all(|known| !same(&known.id, id))
    }

    fn name_contradicts(&self, study: &StudyIdentity) -> bool {
        let is_a_pseudonym = study.patient_name.is_some() && study.patient_name == study.patient_id;
        let Some(said) = study.patient_name.as_ref().filter(|_| !is_a_pseudonym) else {
            return false;
        };
        !is_placeholder(said)
            && !self.names.is_empty()
            && self.names.iter().all(|known| !names_agree(known, said))
    }
}

/// In what the files of a study say that they are several persons'.
pub fn contradictions_among_files(study: &StudyIdentity) -> Vec<IdentityAttribute> {
    let mut found = Vec::new();
    if are_too_many(&study.persons) {
        found.extend([IdentityAttribute::PatientId, IdentityAttribute::PatientName]);
    }
    for (index, person) in study.persons.iter().enumerate() {
        let mut known = KnownPatient::default();
        known.learn_one(&person.as_study());
        let others = study.persons[index + 1..].iter();
        found.extend(others.flat_map(|other| known.contradictions_of_one(&other.as_study())));
    }
    in_order(found)
}

/// What a study says of its patient: once, or by each of the persons whom its files name.
fn said_by(study: &StudyIdentity) -> Vec<StudyIdentity> {
    if study.persons.is_empty() {
        return vec![study.clone()];
    }
    study.persons.iter().map(NamedPerson::as_study).collect()
}

fn in_order(mut found: Vec<IdentityAttribute>) -> Vec<IdentityAttribute> {
    found.sort_unstable();
    found.dedup();
    found
}

fn contradicts(known: &[String], said: Option<&String>, means_something: impl Fn(&str) -> bool) -> bool {
    let Some(said) = said.filter(|said| means_something(said)) else {
        return false;
    };
    let mut known = known.iter().filter(|known| means_something(known)).peekable();
    known.peek().is_some() && known.all(|known| known != said)
}

fn same(one: &str, other: &str) -> bool {
    one.trim().eq_ignore_ascii_case(other.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patient() -> KnownPatient {
        KnownPatient {
            names: vec!["Anna Petrova".to_owned()],
            identifiers: vec![PatientIdentifier {
                id: "4711".to_owned(),
                issuer: Some("CITY".to_owned()),
            }],
            birth_dates: vec!["19600515".to_owned()],
            sexes: vec!["F".to_owned()],
        }
    }

    fn study() -> StudyIdentity {
        let text = |text: &str| Some(text.to_owned());
        StudyIdentity {
            patient_id: text("4711"),
            issuer_of_patient_id: text("CITY"),
            patient_name: text("PETROVA^ANNA^IVANOVNA"),
            birth_date: text("19600515"),
            sex: text("F"),
            ..StudyIdentity::default()
        }
    }

    #[test]
    fn each_attribute_contradicts_by_itself() {
        use IdentityAttribute as A;
        assert_eq!(patient().contradictions(&study()), []);
        let text = |text: &str| Some(text.to_owned());
        for (other, expected) in [
            (
                StudyIdentity {
                    patient_id: text("4712"),
                    ..study()
                },
                A::PatientId,
            ),
            (
                StudyIdentity {
                    patient_name: text("IVANOV^IVAN"),
                    ..study()
                },
                A::PatientName,
            ),
            (
                StudyIdentity {
                    birth_date: text("19600516"),
                    ..study()
                },
                A::BirthDate,
            ),
            (
                StudyIdentity {
                    sex: text("M"),
                    ..study()
                },
                A::Sex,
            ),
        ] {
            assert_eq!(patient().contradictions(&other), [expected]);
            let removed = StudyIdentity {
                is_deidentified: true,
                ..other
            };
            assert_eq!(patient().contradictions(&removed), []);
        }
    }

    #[test]
    fn what_is_left_open_contradicts_nothing() {
        assert_eq!(KnownPatient::default().contradictions(&study()), []);
        assert_eq!(patient().contradictions(&StudyIdentity::default()), []);
        let text = |text: &str| Some(text.to_owned());
        for silent in [
            StudyIdentity {
                patient_id: text("999"),
                issuer_of_patient_id: text("ANOTHER HOSPITAL"),
                ..study()
            },
            StudyIdentity {
                patient_name: text("ANONYMOUS"),
                ..study()
            },
            StudyIdentity {
                birth_date: text("19000101"),
                ..study()
            },
            StudyIdentity {
                sex: text("O"),
                ..study()
            },
        ] {
            assert_eq!(patient().contradictions(&silent), []);
        }
        let pseudonym = StudyIdentity {
            patient_name: text("LIDC-0001"),
            patient_id: text("LIDC-0001"),
            ..StudyIdentity::default()
        };
        let named = KnownPatient {
            names: vec!["Anna Petrova".to_owned()],
            ..KnownPatient::default()
        };
        assert_eq!(named.contradictions(&pseudonym), []);
    }

    #[test]
    fn one_file_of_another_person_contradicts_whoever_is_chosen() {
        use IdentityAttribute as A;
        let text = |text: &str| Some(text.to_owned());
        let other = StudyIdentity {
            patient_id: text("4712"),
            patient_name: text("IVANOV^IVAN"),
            birth_date: text("19500101"),
            ..study()
        };
        let mixed = StudyIdentity::of_files([study(), other.clone(), study()].iter());
        let expected = [A::PatientId, A::PatientName, A::BirthDate];
        assert_eq!(patient().contradictions(&mixed), expected);
        // Of neither anything is known: the files contradict each other all the same.
        assert_eq!(KnownPatient::default().contradictions(&mixed), expected);
        assert_eq!(contradictions_among_files(&mixed), expected);
        // Two ways of writing are one person's.
        let written = StudyIdentity {
            patient_id: text("4711 "),
            patient_name: text("Петрова^Анна"),
            ..study()
        };
        let one = StudyIdentity::of_files([study(), written].iter());
        assert!(!one.persons.is_empty());
        assert_eq!(patient().contradictions(&one), []);
        assert_eq!(contradictions_among_files(&one), []);
        // A file without its identity says nothing of it; the others do.
        let removed = StudyIdentity {
            is_deidentified: true,
            ..other
        };
        assert_eq!(
            patient().contradictions(&StudyIdentity::of_files([study(), removed.clone()].iter())),
            []
        );
        let stranger = StudyIdentity {
            sex: text("M"),
            ..study()
        };
        assert_eq!(
            patient().contradictions(&StudyIdentity::of_files([removed, stranger].iter())),
            [A::Sex]
        );
        // More persons than are kept are nobody's study.
        let crowd: Vec<_> = (0..100)
            .map(|number| StudyIdentity {
                patient_name: text(&format!("PETROVA^ANNA^{}", "I".repeat(number))),
                ..study()
            })
            .collect();
        assert_ne!(
            patient().contradictions(&StudyIdentity::of_files(crowd.iter())),
            []
        );
    }

    #[test]
    fn a_study_in_the_record_says_what_the_patient_is() {
        let mut known = KnownPatient {
            names: vec!["Anna Petrova".to_owned()],
            ..KnownPatient::default()
        };
        known.learn(&study());
        let other = StudyIdentity {
            patient_id: Some("4712".to_owned()),
            ..study()
        };
        assert_eq!(known.contradictions(&other), [IdentityAttribute::PatientId]);
    }
}
