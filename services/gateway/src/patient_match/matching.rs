//! Whose study is it: the patient that was chosen is held against what the files say.

use norma_database::{Patient, PatientDetails, PatientIdentity, ScanIdentity};
use norma_domain::{
    IdentityAttribute, KnownPatient, PatientId, PatientIdentifier, StudyIdentity, contradictions_among_files,
};

use crate::gateway::Gateway;
use crate::identity::Notes;
use crate::problem::ApiError;

/// Stands where the files name only one part of a name: a patient here has two.
const NO_NAME: &str = "–";

/// The patient that somebody wants for a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WantedPatient {
    Nobody,
    Chosen(PatientId),
    /// The one that the files name, registered if need be.
    OfTheFiles,
}

impl Gateway {
    /// The patient.
    ///
    /// # Errors
    /// Where there is none; where the record was merged into another, which the error names.
    pub(crate) async fn patient(&self, id: PatientId) -> Result<Patient, ApiError> {
        match self.database.patient(id).await? {
            Some(patient) => Ok(patient),
            None => match self.database.merged_into(id).await? {
                Some(merged_into) => Err(ApiError::PatientMerged { merged_into }),
                None => Err(ApiError::PatientNotFound),
            },
        }
    }

    /// Refuses a patient who is not there, before an upload is looked at.
    pub(crate) async fn check_patient_exists(&self, wanted: WantedPatient) -> Result<(), ApiError> {
        if let WantedPatient::Chosen(id) = wanted {
            self.chosen_patient(id).await?;
        }
        Ok(())
    }

    async fn chosen_patient(&self, id: PatientId) -> Result<Patient, ApiError> {
        self.patient(id).await.map_err(|error| match error {
            ApiError::PatientNotFound => ApiError::UnknownPatient,
            other => other,
        })
    }

    /// In what a study says that it is another's than this patient's.
    pub(crate) async fn contradictions(
        &self,
        id: PatientId,
        study: &StudyIdentity,
    ) -> Result<Vec<IdentityAttribute>, ApiError> {
        let patient = self.chosen_patient(id).await?;
        Ok(self.known_patient(&patient).await?.contradictions(study))
    }

    /// Finds or makes the patient of a study, and holds the one that was chosen against it. `study` is None where whom it names
    /// could not be read.
    ///
    /// # Errors
    /// `patient_mismatch` and `patient_unread`, until a person confirms.
    pub(crate) async fn patient_of_study(
        &self,
        notes: &Notes,
        wanted: WantedPatient,
        study: Option<StudyIdentity>,
        is_confirmed: bool,
    ) -> Result<(Option<PatientId>, ScanIdentity), ApiError> {
        if study.is_none() && wanted != WantedPatient::Nobody {
            if !is_confirmed {
                return Err(ApiError::PatientUnread);
            }
            notes.add_detail("patient_unread confirmed".to_owned());
        }
        let study = study.unwrap_or_default();
        let (patient_id, confirmed_conflicts) = match wanted {
            WantedPatient::Nobody => (None, Vec::new()),
            WantedPatient::OfTheFiles => {
                let conflicts = confirmed(notes, contradictions_among_files(&study), is_confirmed)?;
                (Some(self.patient_of_files(&study).await?), conflicts)
            }
            WantedPatient::Chosen(id) => {
                notes.patient(Some(id));
                let conflicts = self.contradictions(id, &study).await?;
                (Some(id), confirmed(notes, conflicts, is_confirmed)?)
            }
        };
        let identity = ScanIdentity {
            study,
            confirmed_conflicts,
        };
        Ok((patient_id, identity))
    }

    /// In what two records contradict each other.
    pub(crate) async fn conflicts_of_patients(
        &self,
        one: PatientId,
        other: PatientId,
    ) -> Result<Vec<IdentityAttribute>, ApiError> {
        let known = self.known_patient(&self.patient(one).await?).await?;
        let other = self.patient(other).await?;
        let mut said = vec![said_by(&other)];
        said.extend(self.database.identities_of_patient(other.id).await?);
        Ok(IdentityAttribute::ALL
            .into_iter()
            .filter(|attribute| {
                said.iter()
                    .any(|study| known.contradictions(study).contains(attribute))
            })
            .collect())
    }

    /// What is known of a patient: as registered, and by the studies in the record.
    async fn known_patient(&self, patient: &Patient) -> Result<KnownPatient, ApiError> {
        let mut known = KnownPatient {
            names: vec![format!("{} {}", patient.first_name, patient.last_name)],
            identifiers: patient
                .identity
                .dicom_patient_id
                .iter()
                .map(|id| PatientIdentifier {
                    id: id.clone(),
                    issuer: patient.identity.issuer_of_patient_id.clone(),
                })
                .collect(),
            birth_dates: patient.identity.birth_date.iter().cloned().collect(),
            sexes: patient.identity.sex.iter().cloned().collect(),
        };
        for study in self.database.identities_of_patient(patient.id).await? {
            known.learn(&study);
        }
        Ok(known)
    }

    /// The registered patient that the files name, or a new one.
    ///
    /// # Errors
    /// `no_patient_identity` where the files name nobody.
    async fn patient_of_files(&self, study: &StudyIdentity) -> Result<PatientId, ApiError> {
        if let Some(dicom_patient_id) = &study.patient_id {
            for patient in self
                .database
                .patients_by_dicom_id(dicom_patient_id.clone())
                .await?
            {
                let has_same_issuer = patient.identity.issuer_of_patient_id == study.issuer_of_patient_id;
                if has_same_issuer
                    && self
                        .known_patient(&patient)
                        .await?
                        .contradictions(study)
                        .is_empty()
                {
                    return Ok(patient.id);
                }
            }
        }
        let patient = self.database.create_patient(details_of(study)?).await?;
        tracing::info!(patient_id = %patient.id, "a patient was registered from a study");
        Ok(patient.id)
    }
}

/// The patient that a form or a body wants.
pub(crate) fn wanted_patient(
    patient_id: Option<PatientId>,
    is_from_dicom: bool,
) -> Result<WantedPatient, ApiError> {
    match (patient_id, is_from_dicom) {
        (None, false) => Ok(WantedPatient::Nobody),
        (Some(id), false) => Ok(WantedPatient::Chosen(id)),
        (None, true) => Ok(WantedPatient::OfTheFiles),
        (Some(_), true) => Err(ApiError::InvalidField {
            field: "patient_from_dicom",
            detail: "not together with patient_id".to_owned(),
        }),
    }
}

/// Lets contradictions pass that a person confirmed, and writes both into the audit trail.
///
/// # Errors
/// `patient_mismatch` where there are some and nobody confirmed them.
pub(crate) fn confirmed(
    notes: &Notes,
    conflicts: Vec<IdentityAttribute>,
    is_confirmed: bool,
) -> Result<Vec<IdentityAttribute>, ApiError> {
    if conflicts.is_empty() {
        return Ok(conflicts);
    }
    let words: Vec<&str> = conflicts.iter().map(|conflict| conflict.as_str()).collect();
    let what = if is_confirmed {
        "confirmed"
    } else {
        "not confirmed"
    };
    notes.add_detail(format!("patient_mismatch {what}: {}", words.join(", ")));
    if is_confirmed {
        Ok(conflicts)
    } else {
        Err(ApiError::PatientMismatch { conflicts })
    }
}

/// A record as a study would name its patient.
fn said_by(patient: &Patient) -> StudyIdentity {
    StudyIdentity {
        patient_id: patient.identity.dicom_patient_id.clone(),
        issuer_of_patient_id: patient.identity.issuer_of_patient_id.clone(),
        patient_name: Some(format!("{}^{}", patient.last_name, patient.first_name)),
        birth_date: patient.identity.birth_date.clone(),
        sex: patient.identity.sex.clone(),
        ..StudyIdentity::default()
    }
}

/// The patient that a study names.
fn details_of(study: &StudyIdentity) -> Result<PatientDetails, ApiError> {
    let (last_name, first_name) = match (&study.patient_name, &study.patient_id) {
        (Some(name), _) => names_of(name),
        (None, Some(id)) => (id.clone(), NO_NAME.to_owned()),
        (None, None) => return Err(ApiError::NoPatientIdentity),
    };
    Ok(PatientDetails {
        first_name,
        last_name,
        description: String::new(),
        identity: PatientIdentity {
            dicom_patient_id: study.patient_id.clone(),
            issuer_of_patient_id: study.issuer_of_patient_id.clone(),
            birth_date: study.birth_date.clone(),
            sex: study.sex.clone(),
        },
    })
}

/// Family name and the other names, of the first form of a Patient's Name (PS3.5 6.2, PN).
fn names_of(name: &str) -> (String, String) {
    let form = name
        .split('=')
        .find(|form| !form.trim_matches(['^', ' ']).is_empty());
    let form = form.unwrap_or(NO_NAME);
    let (family, others) = match form.split_once('^') {
        // Family, given, middle; prefix and suffix are no names.
        Some((family, others)) => {
            let others: Vec<&str> = others.split('^').take(2).map(str::trim).collect();
            (family.trim().to_owned(), others.join(" ").trim().to_owned())
        }
        None => match form.trim().split_once(' ') {
            Some((family, others)) => (family.to_owned(), others.trim().to_owned()),
            None => (form.trim().to_owned(), String::new()),
        },
    };
    let or_none = |text: String| if text.is_empty() { NO_NAME.to_owned() } else { text };
    (or_none(family), or_none(others))
}

#[cfg(test)]
mod tests {
    use super::names_of;

    #[test]
    fn a_name_of_the_files_becomes_two() {
        for (name, family, others) in [
            ("Petrova^Anna^Ivanovna^Dr.", "Petrova", "Anna Ivanovna"),
            ("PETROVA^ANNA", "PETROVA", "ANNA"),
            ("PETROVA ANNA", "PETROVA", "ANNA"),
            ("PETROVA", "PETROVA", "–"),
            ("^Anna", "–", "Anna"),
            ("=山田^太郎", "山田", "太郎"),
            ("^^=^", "–", "–"),
        ] {
            assert_eq!(names_of(name), (family.to_owned(), others.to_owned()), "{name}");
        }
    }
}
