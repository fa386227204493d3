//! Whether a study is of the patient that somebody chose for it.
//!
//! An attribute contradicts where both sides say something and it is not the same. What one side leaves open contradicts
//! nothing, and a study whose identity was removed says nothing of whose it is. A false alarm costs a person's look; a
//! study in another patient's record may cost a life: so what is doubtful is told.

use serde::{Deserialize, Serialize};

use crate::StudyIdentity;
use crate::person_name::{is_placeholder, names_agree};

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
    /// Adds what a study of the patient says.
    pub fn learn(&mut self, study: &StudyIdentity) {
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

    /// In what the study says that it is another's.
    pub fn contradictions(&self, study: &StudyIdentity) -> Vec<IdentityAttribute> {
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
