//! Whose study the files say it is. The only table with what identifies a patient by DICOM.

use std::collections::HashMap;

use diesel::prelude::*;
use norma_domain::{IdentityAttribute, NamedPerson, PatientId, ScanId, StudyIdentity};

use crate::connection::AnyConnection;
use crate::schema::{scans, study_identities};
use crate::search::fold_name;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError};

/// What a scan's files say, and what a person confirmed of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanIdentity {
    pub study: StudyIdentity,
    /// In what the study contradicts the patient that a person chose for it nonetheless.
    pub confirmed_conflicts: Vec<IdentityAttribute>,
}

impl ScanIdentity {
    /// Whether the record learns from it who its patient is. Another name or another number alone may be a marriage or
    /// another hospital; where a person put a study there although more spoke against it, the next one is asked about again.
    fn tells_of_its_patient(&self) -> bool {
        matches!(
            self.confirmed_conflicts.as_slice(),
            [] | [IdentityAttribute::PatientName | IdentityAttribute::PatientId]
        )
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = study_identities, treat_none_as_default_value = false)]
pub(crate) struct IdentityRow {
    scan_id: RowId,
    patient_id: Option<String>,
    issuer_of_patient_id: Option<String>,
    patient_name: Option<String>,
    birth_date: Option<String>,
    sex: Option<String>,
    accession_number: Option<String>,
    study_date: Option<String>,
    study_time: Option<String>,
    study_description: Option<String>,
    referring_physician: Option<String>,
    institution: Option<String>,
    is_deidentified: bool,
    search_text: String,
    confirmed_conflicts: String,
    persons: String,
}

impl TryFrom<IdentityRow> for ScanIdentity {
    type Error = DatabaseError;

    fn try_from(row: IdentityRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            confirmed_conflicts: conflicts_of(&row.confirmed_conflicts),
            study: StudyIdentity {
                persons: persons_of(&row.persons)?,
                patient_id: row.patient_id,
                issuer_of_patient_id: row.issuer_of_patient_id,
                patient_name: row.patient_name,
                birth_date: row.birth_date,
                sex: row.sex,
                accession_number: row.accession_number,
                study_date: row.study_date,
                study_time: row.study_time,
                study_description: row.study_description,
                referring_physician: row.referring_physician,
                institution: row.institution,
                is_deidentified: row.is_deidentified,
            },
        })
    }
}

impl Database {
    /// Whose study each of the scans is, as far as its files tell.
    pub async fn scan_identities(
        &self,
        ids: Vec<ScanId>,
    ) -> Result<HashMap<ScanId, ScanIdentity>, DatabaseError> {
        self.run(move |connection| {
            let ids: Vec<RowId> = ids.into_iter().map(RowId::from).collect();
            load(connection, &ids)
        })
        .await
    }

    /// What the studies of a patient's record say of their patient, the newest first; not those that a person put there against
    /// what they say.
    pub async fn identities_of_patient(&self, id: PatientId) -> Result<Vec<StudyIdentity>, DatabaseError> {
        /// More say nothing new.
        const MOST: i64 = 200;
        self.run(move |connection| {
            let rows: Vec<IdentityRow> = study_identities::table
                .inner_join(scans::table.on(study_identities::scan_id.eq(scans::id)))
                .filter(scans::patient_id.eq(RowId::from(id)))
                .order(scans::id.desc())
                .limit(MOST)
                .select(IdentityRow::as_select())
                .load(connection)?;
            let identities: Result<Vec<ScanIdentity>, _> =
                rows.into_iter().map(ScanIdentity::try_from).collect();
            Ok(identities?
                .into_iter()
                .filter(ScanIdentity::tells_of_its_patient)
                .map(|identity| identity.study)
                .collect())
        })
        .await
    }
}

/// The identities of these scans.
pub(crate) fn load(
    connection: &mut AnyConnection,
    ids: &[RowId],
) -> Result<HashMap<ScanId, ScanIdentity>, DatabaseError> {
    let rows: Vec<IdentityRow> = study_identities::table
        .filter(study_identities::scan_id.eq_any(ids))
        .select(IdentityRow::as_select())
        .load(connection)?;
    rows.into_iter()
        .map(|row| Ok((row.scan_id.into(), ScanIdentity::try_from(row)?)))
        .collect()
}

/// Writes what a new scan's files say; nothing where they say nothing.
pub(crate) fn insert(
    connection: &mut AnyConnection,
    scan_id: RowId,
    identity: ScanIdentity,
) -> Result<(), DatabaseError> {
    if identity.study.is_empty() && !identity.study.is_deidentified {
        return Ok(());
    }
    let confirmed_conflicts = words_of(&identity.confirmed_conflicts);
    // PostgreSQL keeps no U+0000 in a text.
    let text = |text: Option<String>| text.map(|text| text.replace('\0', ""));
    let study = identity.study;
    let persons = text_of(&study.persons)?;
    let row = IdentityRow {
        scan_id,
        search_text: search_text(&study),
        patient_id: text(study.patient_id),
        issuer_of_patient_id: text(study.issuer_of_patient_id),
        patient_name: text(study.patient_name),
        birth_date: text(study.birth_date),
        sex: text(study.sex),
        accession_number: text(study.accession_number),
        study_date: text(study.study_date),
        study_time: text(study.study_time),
        study_description: text(study.study_description),
        referring_physician: text(study.referring_physician),
        institution: text(study.institution),
        is_deidentified: study.is_deidentified,
        persons,
        confirmed_conflicts,
    };
    diesel::insert_into(study_identities::table)
        .values(row)
        .execute(connection)?;
    Ok(())
}

/// Replaces what a person confirmed of a scan; writes what its files say where nothing of them is on record.
pub(crate) fn confirm_or_insert(
    connection: &mut AnyConnection,
    scan_id: RowId,
    identity: ScanIdentity,
) -> Result<(), DatabaseError> {
    let confirmed = diesel::update(study_identities::table.find(scan_id))
        .set(study_identities::confirmed_conflicts.eq(words_of(&identity.confirmed_conflicts)))
        .execute(connection)?;
    match confirmed {
        0 => insert(connection, scan_id, identity),
        _ => Ok(()),
    }
}

fn search_text(study: &StudyIdentity) -> String {
    let parts = [&study.patient_name, &study.patient_id, &study.accession_number];
    let persons = study.persons.iter();
    let of_persons = persons.flat_map(|person| [&person.patient_name, &person.patient_id]);
    let text: Vec<&str> = parts
        .into_iter()
        .chain(of_persons)
        .flatten()
        .map(String::as_str)
        .collect();
    fold_name(&text.join(" ").replace(['^', '=', '\0'], " "))
}

/// JSON; empty where the files name one person.
fn text_of(persons: &[NamedPerson]) -> Result<String, DatabaseError> {
    if persons.is_empty() {
        return Ok(String::new());
    }
    serde_json::to_string(persons).map_err(|_| DatabaseError::NotStorable("the persons of a study"))
}

fn persons_of(text: &str) -> Result<Vec<NamedPerson>, DatabaseError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(text).map_err(|_| DatabaseError::CorruptRow {
        table: "study_identities",
        column: "persons",
    })
}

fn words_of(conflicts: &[IdentityAttribute]) -> String {
    let words: Vec<&str> = conflicts.iter().map(|conflict| conflict.as_str()).collect();
    words.join(" ")
}

fn conflicts_of(words: &str) -> Vec<IdentityAttribute> {
    words
        .split_whitespace()
        .filter_map(|word| {
            IdentityAttribute::ALL
                .into_iter()
                .find(|attribute| attribute.as_str() == word)
        })
        .collect()
}
