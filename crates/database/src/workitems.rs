//! Work items of the unified worklist (DICOM PS3.4 annex CC). Who changes one names the version that was read: of two changes of the
//! same version one is made. What subscribers are told is written with the change.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use serde_json::Value;

use crate::connection::AnyConnection;
use crate::node_schema::{workitem_events, workitem_subscriptions, workitems};
use crate::workitem_subscriptions::{subscribe_to_new, tell};
use crate::{Database, DatabaseError, Owner, time};

/// A data set in DICOM JSON (PS3.18 annex F), by tag.
type Attributes = BTreeMap<String, Value>;

/// How far a work item has come (PS3.3 section C.30.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkitemState {
    Scheduled,
    InProgress,
    Completed,
    Canceled,
}

impl WorkitemState {
    const ALL: [Self; 4] = [Self::Scheduled, Self::InProgress, Self::Completed, Self::Canceled];

    /// As (0074,1000) has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::InProgress => "IN PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Canceled => "CANCELED",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Canceled)
    }
}

/// A work item as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workitem {
    pub sop_instance_uid: String,
    pub owner: Option<Owner>,
    /// With one, it is performed on their studies alone.
    pub studies_of: Option<Owner>,
    pub state: WorkitemState,
    pub transaction_uid: Option<String>,
    /// Without the transaction UID.
    pub attributes: Attributes,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    /// Norma performs it, or is to.
    pub is_for_norma: bool,
}

/// A work item to be.
#[derive(Debug, Clone)]
pub struct NewWorkitem {
    pub sop_instance_uid: String,
    pub owner: Option<Owner>,
    /// With one, it is performed on their studies alone.
    pub studies_of: Option<Owner>,
    pub attributes: Attributes,
    /// Norma is to perform it.
    pub is_for_norma: bool,
    /// What subscribers of the worklist are told.
    pub event: String,
}

/// What became of a work item to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkitemCreated {
    Created,
    /// There is one with its UID.
    Exists,
    /// Its owner has as many as may be.
    TooMany,
}

/// What a work item becomes.
#[derive(Debug, Clone)]
pub struct WorkitemChange {
    pub state: WorkitemState,
    pub transaction_uid: Option<String>,
    pub attributes: Attributes,
    /// Norma performs it, or is to.
    pub is_for_norma: bool,
    /// What its subscribers are told, in this order.
    pub events: Vec<String>,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = workitems, treat_none_as_default_value = false)]
struct Row {
    sop_instance_uid: String,
    owner: Option<String>,
    studies_of: Option<String>,
    state: String,
    transaction_uid: Option<String>,
    attributes: String,
    version: i32,
    created_at: NaiveDateTime,
    changed_at: NaiveDateTime,
    ended_at: Option<NaiveDateTime>,
    due_at: Option<NaiveDateTime>,
}

impl TryFrom<Row> for Workitem {
    type Error = DatabaseError;

    fn try_from(row: Row) -> Result<Self, DatabaseError> {
        Ok(Self {
            state: WorkitemState::parse(&row.state).ok_or(DatabaseError::CorruptRow {
                table: "workitems",
                column: "state",
            })?,
            sop_instance_uid: row.sop_instance_uid,
            owner: row.owner.as_deref().and_then(Owner::of_row),
            // A name that is none of ours hides everything.
            studies_of: match row.studies_of.as_deref() {
                None => None,
                Some(owner) => Some(Owner::of_row(owner).ok_or(DatabaseError::CorruptRow {
                    table: "workitems",
                    column: "studies_of",
                })?),
            },
            is_for_norma: row.due_at.is_some(),
            transaction_uid: row.transaction_uid,
            attributes: serde_json::from_str(&row.attributes).map_err(|_| DatabaseError::CorruptRow {
                table: "workitems",
                column: "attributes",
            })?,
            version: row.version,
            created_at: time::from_row(row.created_at),
        })
    }
}

fn text_of(attributes: &Attributes) -> String {
    Value::Object(attributes.clone().into_iter().collect()).to_string()
}

impl Database {
    /// Keeps a new work item, subscribes to it who subscribed to the worklist or to a part that it is of (`is_of`, asked with the filter),
    /// and tells them. `most`: of its owner.
    pub async fn create_workitem(
        &self,
        new: NewWorkitem,
        most: u32,
        is_of: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<WorkitemCreated, DatabaseError> {
        let owner = new.owner.map(String::from);
        self.change(move |connection| {
            let uid = new.sop_instance_uid;
            let there: i64 = workitems::table.find(&uid).count().get_result(connection)?;
            if there > 0 {
                return Ok(WorkitemCreated::Exists);
            }
            let mut own = workitems::table.count().into_boxed();
            own = match &owner {
                Some(owner) => own.filter(workitems::owner.eq(owner)),
                None => own.filter(workitems::owner.is_null()),
            };
            let owned: i64 = own.get_result(connection)?;
            if owned >= i64::from(most) {
                return Ok(WorkitemCreated::TooMany);
            }
            let now = time::shared_now(connection)?;
            let row = Row {
                sop_instance_uid: uid.clone(),
                owner: owner.clone(),
                studies_of: new.studies_of.map(String::from),
                state: WorkitemState::Scheduled.as_str().to_owned(),
                transaction_uid: None,
                attributes: text_of(&new.attributes),
                version: 1,
                created_at: now,
                changed_at: now,
                ended_at: None,
                due_at: new.is_for_norma.then_some(now),
            };
            // Another process may have been quicker.
            let created = match connection {
                AnyConnection::Postgres(inner) => diesel::insert_into(workitems::table)
                    .values(&row)
                    .on_conflict_do_nothing()
                    .execute(inner)?,
                AnyConnection::Sqlite(inner) => diesel::insert_into(workitems::table)
                    .values(&row)
                    .on_conflict_do_nothing()
                    .execute(inner)?,
            };
            if created == 0 {
                return Ok(WorkitemCreated::Exists);
            }
            subscribe_to_new(connection, &uid, owner.as_deref(), is_of)?;
            tell(connection, &uid, &[new.event])?;
            Ok(WorkitemCreated::Created)
        })
        .await
    }

    /// A work item; with `owner`, only one of theirs.
    pub async fn workitem(
        &self,
        uid: String,
        owner: Option<Owner>,
    ) -> Result<Option<Workitem>, DatabaseError> {
        self.run(move |connection| {
            let mut query = workitems::table.find(uid).into_boxed();
            if let Some(owner) = owner {
                query = query.filter(workitems::owner.eq(String::from(owner)));
            }
            let row: Option<Row> = query.first(connection).optional()?;
            row.map(Workitem::try_from).transpose()
        })
        .await
    }

    /// Work items in the order of their UIDs, those after `after`; with `owner`, only theirs.
    pub async fn list_workitems(
        &self,
        state: Option<WorkitemState>,
        owner: Option<Owner>,
        after: String,
        limit: u32,
    ) -> Result<Vec<Workitem>, DatabaseError> {
        self.run(move |connection| {
            let mut query = workitems::table
                .filter(workitems::sop_instance_uid.gt(after))
                .order(workitems::sop_instance_uid)
                .limit(limit.into())
                .into_boxed();
            if let Some(state) = state {
                query = query.filter(workitems::state.eq(state.as_str()));
            }
            if let Some(owner) = owner {
                query = query.filter(workitems::owner.eq(String::from(owner)));
            }
            let rows: Vec<Row> = query.load(connection)?;
            rows.into_iter().map(Workitem::try_from).collect()
        })
        .await
    }

    /// Changes a work item as it was read and tells its subscribers. False where it was changed since.
    pub async fn change_workitem(
        &self,
        read: &Workitem,
        change: WorkitemChange,
    ) -> Result<bool, DatabaseError> {
        let (uid, version) = (read.sop_instance_uid.clone(), read.version);
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let is_final = change.state.is_final();
            let changed = diesel::update(workitems::table.find(&uid).filter(workitems::version.eq(version)))
                .set((
                    workitems::state.eq(change.state.as_str()),
                    workitems::transaction_uid.eq(change.transaction_uid),
                    workitems::attributes.eq(text_of(&change.attributes)),
                    workitems::version.eq(version.saturating_add(1)),
                    workitems::changed_at.eq(now),
                    workitems::ended_at.eq(is_final.then_some(now)),
                    workitems::due_at.eq((change.is_for_norma && !is_final).then_some(now)),
                ))
                .execute(connection)?;
            if changed == 0 {
                return Ok(false);
            }
            tell(connection, &uid, &change.events)?;
            Ok(true)
        })
        .await
    }

    /// The work item that Norma has to look at and that waits for longest; nobody else gets it for `pause`.
    pub async fn next_workitem(&self, pause: Duration) -> Result<Option<Workitem>, DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let due = workitems::table
                .filter(workitems::due_at.le(now))
                .order((workitems::due_at, workitems::sop_instance_uid))
                .limit(1)
                .select(workitems::all_columns);
            let row: Option<Row> = match connection {
                AnyConnection::Postgres(inner) => due.for_update().skip_locked().first(inner).optional()?,
                // The transaction is the only writer.
                AnyConnection::Sqlite(inner) => due.first(inner).optional()?,
            };
            let Some(row) = row else { return Ok(None) };
            diesel::update(workitems::table.find(&row.sop_instance_uid))
                .set(workitems::due_at.eq(Some(time::later(now, pause))))
                .execute(connection)?;
            Workitem::try_from(row).map(Some)
        })
        .await
    }

    /// Forgets what ended longer than `kept` ago and nobody holds by a deletion lock, and events that are older than that. How many work
    /// items there were.
    pub async fn forget_workitems(&self, kept: Duration) -> Result<usize, DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let Some(before) = time::earlier(now, kept) else {
                return Ok(0);
            };
            diesel::delete(workitem_events::table.filter(workitem_events::created_at.lt(before)))
                .execute(connection)?;
            let locked: Vec<String> = workitem_subscriptions::table
                .filter(workitem_subscriptions::has_deletion_lock.eq(true))
                .select(workitem_subscriptions::workitem)
                .distinct()
                .load(connection)?;
            let old: Vec<String> = workitems::table
                .filter(workitems::ended_at.lt(before))
                .select(workitems::sop_instance_uid)
                .load(connection)?;
            let old: Vec<String> = old.into_iter().filter(|uid| !locked.contains(uid)).collect();
            // Both databases limit the number of values in one query.
            for part in old.chunks(500) {
                diesel::delete(
                    workitem_subscriptions::table.filter(workitem_subscriptions::workitem.eq_any(part)),
                )
                .execute(connection)?;
                diesel::delete(workitems::table.filter(workitems::sop_instance_uid.eq_any(part)))
                    .execute(connection)?;
            }
            Ok(old.len())
        })
        .await
    }
}
