//! What a search by DICOMweb looks at: the studies whose instances are indexed.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::sql_types::Bool;
use norma_domain::{ScanId, StudyInstanceUid};

use crate::connection::MultiBackend;
use crate::owners::Owner;
use crate::schema::{dicom_studies, scans};
use crate::search::fold_name;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, Page};

/// Rows looked at in one go: several scans may hold one study.
const BATCH: i64 = 500;

/// What the instances of a scan say of their study. Texts are empty where they say nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DicomStudy {
    pub study_instance_uid: String,
    pub study_date: String,
    pub study_time: String,
    pub study_id: String,
    pub accession_number: String,
    pub patient_id: String,
    pub patient_name: String,
    pub referring_physician: String,
    /// Each once.
    pub modalities: Vec<String>,
    pub series_count: u32,
    pub instance_count: u32,
    /// What is answered of the study, as DICOM JSON.
    pub attributes: String,
}

/// How a text is looked for (PS3.4 C.2.2.2).
#[derive(Clone, PartialEq, Eq)]
pub enum TextMatch {
    Equal(String),
    /// With `*` for any characters and `?` for one.
    Wildcard(String),
}

/// From and to, both included; None is open.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TextRange {
    pub from: Option<String>,
    pub to: Option<String>,
}

/// Which studies are wanted: of each list one has to match. What is empty does not narrow the list.
#[derive(Clone, Default)]
pub struct DicomStudyQuery {
    pub study_uids: Vec<String>,
    pub study_date: Vec<TextRange>,
    pub study_time: Vec<TextRange>,
    pub study_id: Vec<TextMatch>,
    pub accession_number: Vec<TextMatch>,
    pub patient_id: Vec<TextMatch>,
    /// Whatever the case of its letters.
    pub patient_name: Vec<TextMatch>,
    /// Whatever the case of its letters.
    pub referring_physician: Vec<TextMatch>,
    /// That a series of the study has.
    pub modalities: Vec<TextMatch>,
    pub owner: Option<Owner>,
}

/// A study that was found, as its newest scan says.
#[derive(Clone, PartialEq, Eq)]
pub struct FoundDicomStudy {
    pub scan_id: ScanId,
    pub study_instance_uid: String,
    pub modalities: Vec<String>,
    pub series_count: u32,
    pub instance_count: u32,
    /// As DICOM JSON.
    pub attributes: String,
}

#[derive(Insertable)]
#[diesel(table_name = dicom_studies)]
struct NewRow {
    scan_id: RowId,
    study_uid: Option<String>,
    study_date: String,
    study_time: String,
    study_id: String,
    accession_number: String,
    patient_id: String,
    patient_name: String,
    referring_physician: String,
    modalities: String,
    series_count: i32,
    instance_count: i32,
    attributes: String,
    index_bytes: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = dicom_studies)]
struct FoundRow {
    scan_id: RowId,
    study_uid: Option<String>,
    modalities: String,
    series_count: i32,
    instance_count: i32,
    attributes: String,
}

impl Database {
    /// Scans whose instances are not indexed, the newest first, and who uploaded them.
    pub async fn scans_without_index(
        &self,
        limit: u32,
    ) -> Result<Vec<(ScanId, Option<Owner>)>, DatabaseError> {
        self.run(move |connection| {
            let found: Vec<(RowId, Option<String>)> = scans::table
                .left_join(dicom_studies::table.on(dicom_studies::scan_id.eq(scans::id)))
                .filter(dicom_studies::scan_id.is_null())
                .order(scans::id.desc())
                .limit(limit.into())
                .select((scans::id, scans::owner))
                .load(connection)?;
            let found = found
                .into_iter()
                .map(|(id, owner)| (ScanId::from(id), owner.as_deref().and_then(Owner::of_row)));
            Ok(found.collect())
        })
        .await
    }

    /// Notes what the instances of a scan say, None where it has none that can be named, and what their index takes of the
    /// objects. False where the scan is gone.
    pub async fn note_dicom_study(
        &self,
        scan_id: ScanId,
        study: Option<DicomStudy>,
        index_bytes: u64,
    ) -> Result<bool, DatabaseError> {
        let uid = study.as_ref().map(|study| study.study_instance_uid.clone());
        let study = study.unwrap_or_default();
        // PostgreSQL keeps no U+0000 in a text.
        let text = |text: String| text.replace('\0', "");
        let row = NewRow {
            scan_id: scan_id.into(),
            study_uid: uid,
            study_date: text(study.study_date),
            study_time: text(study.study_time),
            study_id: text(study.study_id),
            accession_number: text(study.accession_number),
            patient_id: text(study.patient_id),
            patient_name: fold_name(&text(study.patient_name)),
            referring_physician: fold_name(&text(study.referring_physician)),
            modalities: text(format!(" {} ", study.modalities.join(" "))),
            series_count: i32::try_from(study.series_count).unwrap_or(i32::MAX),
            instance_count: i32::try_from(study.instance_count).unwrap_or(i32::MAX),
            attributes: text(study.attributes.replace("\\u0000", "")),
            index_bytes: i64::try_from(index_bytes).unwrap_or(i64::MAX),
        };
        let noted = self
            .change(move |connection| {
                diesel::delete(dicom_studies::table.find(row.scan_id)).execute(connection)?;
                diesel::insert_into(dicom_studies::table)
                    .values(&row)
                    .execute(connection)?;
                Ok(())
            })
            .await;
        match noted {
            Ok(()) => Ok(true),
            Err(DatabaseError::ForeignKeyViolation { .. }) => Ok(false),
            // Another process was as quick, and says the same.
            Err(DatabaseError::UniqueViolation { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Studies that match, those that came last first, each once; and whether there are more.
    pub async fn search_dicom_studies(
        &self,
        query: DicomStudyQuery,
        page: Page,
    ) -> Result<(Vec<FoundDicomStudy>, bool), DatabaseError> {
        self.run(move |connection| {
            let (offset, limit) = (page.offset as usize, page.limit as usize);
            let mut seen: HashSet<String> = HashSet::new();
            let mut wanted: Vec<RowId> = Vec::new();
            let mut before: Option<RowId> = None;
            'all: loop {
                let mut rows = narrowed(&query);
                if let Some(before) = before {
                    rows = rows.filter(dicom_studies::scan_id.lt(before));
                }
                let rows: Vec<(RowId, Option<String>)> = rows
                    .order(dicom_studies::scan_id.desc())
                    .limit(BATCH)
                    .select((dicom_studies::scan_id, dicom_studies::study_uid))
                    .load(connection)?;
                let Some((last, _)) = rows.last() else { break };
                before = Some(*last);
                for (id, uid) in rows {
                    if seen.insert(uid.unwrap_or_default()) {
                        if seen.len() > offset + limit {
                            break 'all;
                        }
                        if seen.len() > offset {
                            wanted.push(id);
                        }
                    }
                }
            }
            let has_more = seen.len() > offset + limit;
            let mut rows: Vec<FoundRow> = dicom_studies::table
                .filter(dicom_studies::scan_id.eq_any(&wanted))
                .select(FoundRow::as_select())
                .load(connection)?;
            rows.sort_by_key(|row| wanted.iter().position(|id| *id == row.scan_id));
            Ok((rows.into_iter().map(found).collect(), has_more))
        })
        .await
    }

    /// The scans that hold instances of a study, the newest first; of one owner if given.
    pub async fn scans_of_dicom_study(
        &self,
        uid: StudyInstanceUid,
        owner: Option<Owner>,
    ) -> Result<Vec<ScanId>, DatabaseError> {
        let query = DicomStudyQuery {
            study_uids: vec![uid.as_str().to_owned()],
            owner,
            ..DicomStudyQuery::default()
        };
        self.run(move |connection| {
            let ids: Vec<RowId> = narrowed(&query)
                .order(dicom_studies::scan_id.desc())
                .select(dicom_studies::scan_id)
                .load(connection)?;
            Ok(ids.into_iter().map(ScanId::from).collect())
        })
        .await
    }
}

fn found(row: FoundRow) -> FoundDicomStudy {
    FoundDicomStudy {
        scan_id: row.scan_id.into(),
        study_instance_uid: row.study_uid.unwrap_or_default(),
        modalities: row.modalities.split_whitespace().map(str::to_owned).collect(),
        series_count: u32::try_from(row.series_count).unwrap_or_default(),
        instance_count: u32::try_from(row.instance_count).unwrap_or_default(),
        attributes: row.attributes,
    }
}

/// What one of the values that are asked for matches.
type Wanted = Box<dyn BoxableExpression<dicom_studies::table, MultiBackend, SqlType = Bool>>;

macro_rules! matching {
    ($rows:ident, $column:expr, $wanted:expr) => {
        let any = $wanted.into_iter().map(|one| -> Wanted {
            match one {
                TextMatch::Equal(text) => Box::new($column.eq(text)),
                TextMatch::Wildcard(text) => Box::new($column.like(like_pattern(&text)).escape('\\')),
            }
        });
        if let Some(any) = any.reduce(either) {
            $rows = $rows.filter(any);
        }
    };
}

macro_rules! between {
    ($rows:ident, $column:expr, $ranges:expr) => {
        let any = $ranges.into_iter().map(|range| -> Wanted {
            // Whoever says no day has none that could be between.
            let said = $column.ne("");
            match (range.from, range.to) {
                (Some(from), Some(to)) => Box::new(said.and($column.ge(from)).and($column.le(to))),
                (Some(from), None) => Box::new(said.and($column.ge(from))),
                (None, Some(to)) => Box::new(said.and($column.le(to))),
                (None, None) => Box::new(said),
            }
        });
        if let Some(any) = any.reduce(either) {
            $rows = $rows.filter(any);
        }
    };
}

fn either(one: Wanted, other: Wanted) -> Wanted {
    Box::new(one.or(other))
}

fn narrowed(query: &DicomStudyQuery) -> dicom_studies::BoxedQuery<'static, MultiBackend> {
    let query = query.clone();
    let mut rows = dicom_studies::table.into_boxed::<MultiBackend>();
    rows = rows.filter(dicom_studies::study_uid.is_not_null());
    if !query.study_uids.is_empty() {
        rows = rows.filter(dicom_studies::study_uid.eq_any(query.study_uids));
    }
    between!(rows, dicom_studies::study_date, query.study_date);
    between!(rows, dicom_studies::study_time, query.study_time);
    matching!(rows, dicom_studies::study_id, query.study_id);
    matching!(rows, dicom_studies::accession_number, query.accession_number);
    matching!(rows, dicom_studies::patient_id, query.patient_id);
    matching!(rows, dicom_studies::patient_name, folded(query.patient_name));
    matching!(
        rows,
        dicom_studies::referring_physician,
        folded(query.referring_physician)
    );
    matching!(
        rows,
        dicom_studies::modalities,
        query.modalities.into_iter().map(among)
    );
    if let Some(owner) = query.owner.map(String::from) {
        let own = scans::table.filter(scans::owner.eq(owner)).select(scans::id);
        rows = rows.filter(dicom_studies::scan_id.eq_any(own));
    }
    rows
}

fn folded(wanted: Vec<TextMatch>) -> Vec<TextMatch> {
    let folded = wanted.into_iter().map(|one| match one {
        TextMatch::Equal(text) => TextMatch::Equal(fold_name(&text)),
        TextMatch::Wildcard(text) => TextMatch::Wildcard(fold_name(&text)),
    });
    folded.collect()
}

/// One of several that are kept as a text, with a space around each.
fn among(wanted: TextMatch) -> TextMatch {
    match wanted {
        TextMatch::Equal(text) | TextMatch::Wildcard(text) => TextMatch::Wildcard(format!("* {text} *")),
    }
}

/// The `LIKE` pattern, escaped by `\`.
fn like_pattern(wildcard: &str) -> String {
    let mut pattern = String::with_capacity(wildcard.len());
    for character in wildcard.chars() {
        match character {
            '*' => pattern.push('%'),
            '?' => pattern.push('_'),
            '%' | '_' | '\\' => pattern.extend(['\\', character]),
            _ => pattern.push(character),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_of_dicom_become_those_of_sql() {
        assert_eq!(like_pattern("pet?ov*"), "pet_ov%");
        assert_eq!(like_pattern("100%_\\"), "100\\%\\_\\\\");
    }
}
