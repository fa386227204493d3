//! To whom uploaded studies belong: a person's account, or the scope of a machine's key.

use diesel::prelude::*;
use norma_domain::{AnalysisId, PatientId, ScanId, UserId};
use uuid::Uuid;

use crate::schema::{analyses, prediction_scans, scans};
use crate::sql_types::RowId;
use crate::{Database, DatabaseError};

/// Who uploaded a study.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    User(UserId),
    /// The keys of this scope.
    Scope(String),
}

impl Owner {
    /// As rows name owners; None where it is no owner of ours.
    pub(crate) fn of_row(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("user", id) => id.parse().ok().map(Self::User),
            ("key", scope) => Some(Self::Scope(scope.to_owned())),
            _ => None,
        }
    }
}

impl From<Owner> for String {
    fn from(owner: Owner) -> Self {
        match owner {
            Owner::User(id) => format!("user:{id}"),
            Owner::Scope(scope) => format!("key:{scope}"),
        }
    }
}

/// Something that belongs to the uploader of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnedObjectId {
    Scan(ScanId),
    Analysis(AnalysisId),
    Prediction(Uuid),
}

/// Whose study it is, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedObject {
    /// None where the object has several scans.
    pub scan_id: Option<ScanId>,
    pub patient_id: Option<PatientId>,
    owner: Option<String>,
}

impl OwnedObject {
    pub fn belongs_to(&self, owner: &Owner) -> bool {
        self.owner.as_deref() == Some(String::from(owner.clone()).as_str())
    }
}

impl Database {
    /// None where there is no such thing.
    pub async fn owned_object(&self, id: OwnedObjectId) -> Result<Option<OwnedObject>, DatabaseError> {
        self.run(move |connection| {
            let columns = (scans::id, scans::patient_id, scans::owner);
            let mut rows: Vec<(RowId, Option<RowId>, Option<String>)> = match id {
                OwnedObjectId::Scan(id) => scans::table
                    .find(RowId::from(id))
                    .select(columns)
                    .load(connection)?,
                OwnedObjectId::Analysis(id) => analyses::table
                    .inner_join(scans::table.on(analyses::scan_id.eq(scans::id)))
                    .filter(analyses::id.eq(RowId::from(id)))
                    .select(columns)
                    .load(connection)?,
                // The studies of a prediction came in one upload: they have one owner.
                OwnedObjectId::Prediction(id) => prediction_scans::table
                    .inner_join(scans::table.on(prediction_scans::scan_id.eq(scans::id)))
                    .filter(prediction_scans::prediction_id.eq(RowId(id)))
                    .order(prediction_scans::position)
                    .limit(2)
                    .select(columns)
                    .load(connection)?,
            };
            let is_one = rows.len() == 1;
            Ok((!rows.is_empty()).then(|| {
                let (scan_id, patient_id, owner) = rows.swap_remove(0);
                OwnedObject {
                    scan_id: is_one.then(|| scan_id.into()),
                    patient_id: patient_id.filter(|_| is_one).map(PatientId::from),
                    owner,
                }
            }))
        })
        .await
    }
}
