//! Studies that are pulled from an archive: a row for each wish. `pull_queue` moves the rows on.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use norma_domain::{PullId, ScanId};

use crate::connection::{AnyConnection, MultiBackend};
use crate::node_schema::pulls;
use crate::pull_state::PullState;
use crate::pulled_studies::{PulledStudy, studies_of};
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, Listing, Page, time};

const ASKED: &str = "asked";
const PRIORS: &str = "priors";

/// What is wanted of an archive. Identifying: not for logs.
#[derive(Clone, PartialEq, Eq)]
pub enum PullWish {
    /// By whatever is said, all of which has to agree.
    Studies {
        study_instance_uid: Option<String>,
        accession_number: Option<String>,
        patient_id: Option<String>,
        issuer_of_patient_id: Option<String>,
    },
    /// Earlier studies of a patient.
    Priors {
        /// The study that they are earlier than, as a scan.
        scan_id: ScanId,
        /// Stands for its Study Instance UID.
        study_key: String,
        /// `YYYYMMDD`.
        study_date: Option<String>,
        patient_id: String,
        issuer_of_patient_id: Option<String>,
    },
}

impl std::fmt::Debug for PullWish {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Studies { .. } => "Studies",
            Self::Priors { .. } => "Priors",
        })
    }
}

/// A wish to have studies of an archive, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    pub id: PullId,
    pub source: String,
    pub wish: PullWish,
    pub state: PullState,
    /// Begun so far; from 0 again where a person has it pulled again.
    pub attempts: u32,
    /// Since when it is tried.
    pub asked_at: DateTime<Utc>,
    /// Some where it waits.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed.
    pub reason_code: Option<String>,
    /// What the archive answered then.
    pub peer_status: Option<String>,
    /// Those that the archive has, as far as it was asked.
    pub studies: Vec<PulledStudy>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Some exactly if it is done or failed.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Which pulls are wanted; all where nothing is said.
#[derive(Debug, Clone, Default)]
pub struct PullQuery {
    pub state: Option<PullState>,
    pub source: Option<String>,
}

/// What became of a wish to pull again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PulledAgain {
    Asked(Box<Pull>),
    /// It has not ended: it is tried anyway.
    Waiting,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = pulls, treat_none_as_default_value = false)]
pub(crate) struct PullRow {
    pub(crate) id: RowId,
    pub(crate) source: String,
    purpose: String,
    scan_id: Option<RowId>,
    study_uid: Option<String>,
    accession_number: Option<String>,
    patient_id: Option<String>,
    patient_id_issuer: Option<String>,
    of_study_key: Option<String>,
    of_study_date: Option<String>,
    state: String,
    pub(crate) attempts: i32,
    pub(crate) asked_at: NaiveDateTime,
    next_attempt_at: NaiveDateTime,
    lease: Option<RowId>,
    reason_code: Option<String>,
    peer_status: Option<String>,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    ended_at: Option<NaiveDateTime>,
}

impl PullRow {
    fn asked(source: String, wish: PullWish, now: NaiveDateTime) -> Self {
        let mut row = Self {
            id: PullId::generate().into(),
            source,
            purpose: ASKED.to_owned(),
            scan_id: None,
            study_uid: None,
            accession_number: None,
            patient_id: None,
            patient_id_issuer: None,
            of_study_key: None,
            of_study_date: None,
            state: PullState::Asked.as_str().to_owned(),
            attempts: 0,
            asked_at: now,
            next_attempt_at: now,
            lease: None,
            reason_code: None,
            peer_status: None,
            created_at: now,
            updated_at: now,
            ended_at: None,
        };
        match wish {
            PullWish::Studies {
                study_instance_uid,
                accession_number,
                patient_id,
                issuer_of_patient_id,
            } => {
                row.study_uid = study_instance_uid;
                row.accession_number = accession_number;
                row.patient_id = patient_id;
                row.patient_id_issuer = issuer_of_patient_id;
            }
            PullWish::Priors {
                scan_id,
                study_key,
                study_date,
                patient_id,
                issuer_of_patient_id,
            } => {
                PRIORS.clone_into(&mut row.purpose);
                row.scan_id = Some(scan_id.into());
                row.of_study_key = Some(study_key);
                row.of_study_date = study_date;
                row.patient_id = Some(patient_id);
                row.patient_id_issuer = issuer_of_patient_id;
            }
        }
        row
    }

    pub(crate) fn wish(&self) -> Result<PullWish, DatabaseError> {
        if self.purpose == ASKED {
            return Ok(PullWish::Studies {
                study_instance_uid: self.study_uid.clone(),
                accession_number: self.accession_number.clone(),
                patient_id: self.patient_id.clone(),
                issuer_of_patient_id: self.patient_id_issuer.clone(),
            });
        }
        let corrupt = |column| DatabaseError::CorruptRow {
            table: "pulls",
            column,
        };
        Ok(PullWish::Priors {
            scan_id: self.scan_id.ok_or_else(|| corrupt("scan_id"))?.into(),
            study_key: self.of_study_key.clone().ok_or_else(|| corrupt("of_study_key"))?,
            study_date: self.of_study_date.clone(),
            patient_id: self.patient_id.clone().ok_or_else(|| corrupt("patient_id"))?,
            issuer_of_patient_id: self.patient_id_issuer.clone(),
        })
    }

    fn with_studies(self, studies: Vec<PulledStudy>) -> Result<Pull, DatabaseError> {
        let wish = self.wish()?;
        let state = PullState::ALL
            .into_iter()
            .find(|state| state.as_str() == self.state)
            .ok_or(DatabaseError::CorruptRow {
                table: "pulls",
                column: "state",
            })?;
        Ok(Pull {
            id: self.id.into(),
            source: self.source,
            wish,
            state,
            attempts: u32::try_from(self.attempts).unwrap_or_default(),
            asked_at: time::from_row(self.asked_at),
            next_attempt_at: (state == PullState::Asked).then(|| time::from_row(self.next_attempt_at)),
            reason_code: self.reason_code,
            peer_status: self.peer_status,
            studies,
            created_at: time::from_row(self.created_at),
            updated_at: time::from_row(self.updated_at),
            ended_at: self.ended_at.map(time::from_row),
        })
    }
}

impl Database {
    /// Asks for studies of an archive. What is asked for already and has not ended is that one; priors are asked for once for each
    /// scan.
    ///
    /// # Errors
    /// [`DatabaseError::ForeignKeyViolation`] where there is no such scan.
    pub async fn ask_for_pull(&self, source: String, wish: PullWish) -> Result<Pull, DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let row = PullRow::asked(source, wish.clone(), now);
            let known = match row.scan_id {
                Some(scan_id) => pulls::table
                    .filter(pulls::scan_id.eq(scan_id))
                    .select(PullRow::as_select())
                    .first(connection)
                    .optional()?,
                None => {
                    let waiting: Vec<PullRow> = pulls::table
                        .filter(pulls::source.eq(&row.source))
                        .filter(pulls::ended_at.is_null())
                        .select(PullRow::as_select())
                        .load(connection)?;
                    let mut waiting = waiting.into_iter();
                    waiting.find(|other| other.wish().is_ok_and(|known| known == wish))
                }
            };
            let row = match known {
                Some(known) => known,
                None => {
                    diesel::insert_into(pulls::table)
                        .values(&row)
                        .execute(connection)?;
                    row
                }
            };
            with_studies(connection, vec![row])?
                .pop()
                .ok_or(DatabaseError::NotFound("pull"))
        })
        .await
    }

    pub async fn pull(&self, id: PullId) -> Result<Option<Pull>, DatabaseError> {
        self.run(move |connection| find(connection, id)).await
    }

    /// Pulls, the newest first.
    pub async fn list_pulls(&self, query: PullQuery, page: Page) -> Result<Listing<Pull>, DatabaseError> {
        self.run(move |connection| {
            let mut wanted = pulls::table.into_boxed::<MultiBackend>();
            let mut counted = pulls::table.count().into_boxed::<MultiBackend>();
            if let Some(state) = query.state {
                wanted = wanted.filter(pulls::state.eq(state.as_str()));
                counted = counted.filter(pulls::state.eq(state.as_str()));
            }
            if let Some(source) = query.source {
                wanted = wanted.filter(pulls::source.eq(source.clone()));
                counted = counted.filter(pulls::source.eq(source));
            }
            let rows: Vec<PullRow> = wanted
                .order(pulls::id.desc())
                .limit(page.limit.into())
                .offset(page.offset.into())
                .select(PullRow::as_select())
                .load(connection)?;
            let items = with_studies(connection, rows)?;
            Ok(Listing::new(items, counted.get_result(connection)?))
        })
        .await
    }

    /// Asks anew for what has ended. None where there is no such pull.
    pub async fn pull_again(&self, id: PullId) -> Result<Option<PulledAgain>, DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let ended = pulls::table
                .find(RowId::from(id))
                .filter(pulls::ended_at.is_not_null());
            let asked = diesel::update(ended)
                .set((
                    pulls::state.eq(PullState::Asked.as_str()),
                    pulls::attempts.eq(0),
                    pulls::asked_at.eq(now),
                    pulls::next_attempt_at.eq(now),
                    pulls::reason_code.eq(None::<String>),
                    pulls::peer_status.eq(None::<String>),
                    pulls::updated_at.eq(now),
                    pulls::ended_at.eq(None::<NaiveDateTime>),
                ))
                .execute(connection)?;
            let found = find(connection, id)?;
            Ok(found.map(|pull| match asked {
                1 => PulledAgain::Asked(Box::new(pull)),
                _ => PulledAgain::Waiting,
            }))
        })
        .await
    }
}

fn find(connection: &mut AnyConnection, id: PullId) -> Result<Option<Pull>, DatabaseError> {
    let row: Option<PullRow> = pulls::table
        .find(RowId::from(id))
        .select(PullRow::as_select())
        .first(connection)
        .optional()?;
    Ok(with_studies(connection, row.into_iter().collect())?.pop())
}

fn with_studies(connection: &mut AnyConnection, rows: Vec<PullRow>) -> Result<Vec<Pull>, DatabaseError> {
    let ids: Vec<RowId> = rows.iter().map(|row| row.id).collect();
    let mut studies = studies_of(connection, &ids)?;
    rows.into_iter()
        .map(|row| {
            let of_row = studies.remove(&row.id).unwrap_or_default();
            row.with_studies(of_row)
        })
        .collect()
}
