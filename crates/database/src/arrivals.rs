//! Studies that come and are not complete yet, and who brings them: as the processes that receive them say.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use norma_domain::{CountedBy, InstanceCount};
use uuid::Uuid;

use crate::node_schema::{arriving_studies, pacs_callers};
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, time};

/// What a process said so long ago, and says no more, is over: it died.
const CURRENT: Duration = Duration::from_secs(30);

/// What a study waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaitsFor {
    /// More of it, or the end of what brings it.
    Quiet,
    /// More of it that was asked for.
    Pull,
    /// Instances that are missing.
    Instances,
    /// Who is to say how many instances there are.
    Count,
}

impl WaitsFor {
    pub const ALL: [Self; 4] = [Self::Quiet, Self::Pull, Self::Instances, Self::Count];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Pull => "pull",
            Self::Instances => "instances",
            Self::Count => "count",
        }
    }
}

/// A study that may get more. Identifying: not for logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivingStudy {
    /// Stands for the Study Instance UID: a hash of it.
    pub study_key: String,
    /// None where no instance of it says so.
    pub study_instance_uid: Option<String>,
    /// AE titles of who sends it, as far as that is known.
    pub callers: Vec<String>,
    /// That came now; what came of it before is not among them.
    pub instances: u32,
    /// What was counted last; None where nobody counts, or has yet.
    pub count: Option<InstanceCount>,
    pub waits_for: WaitsFor,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
    /// When it is taken at the latest; None where nobody can say.
    pub at_latest: Option<DateTime<Utc>>,
}

/// What a peer has brought since it was noted last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallerTraffic {
    pub ae_title: String,
    pub taken: u32,
    pub refused: u32,
    /// The status that it was told last of those, hexadecimal.
    pub refusal: Option<String>,
}

/// Who calls the nodes, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacsCaller {
    pub ae_title: String,
    /// When it brought something last.
    pub last_at: DateTime<Utc>,
    pub taken: u64,
    pub refused: u64,
    pub last_refused_at: Option<DateTime<Utc>>,
    /// The status that it was told then, hexadecimal.
    pub last_refusal: Option<String>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = arriving_studies, treat_none_as_default_value = false)]
struct Row {
    node: RowId,
    study_key: String,
    study_uid: Option<String>,
    callers: String,
    instances: i32,
    came: Option<i32>,
    expected: Option<i32>,
    counted_by: Option<String>,
    waits_for: String,
    first_at: NaiveDateTime,
    last_at: NaiveDateTime,
    at_latest: Option<NaiveDateTime>,
    noted_at: NaiveDateTime,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = pacs_callers, treat_none_as_default_value = false, treat_none_as_null = true)]
struct CallerRow {
    ae_title: String,
    last_at: NaiveDateTime,
    taken: i64,
    refused: i64,
    last_refused_at: Option<NaiveDateTime>,
    last_refusal: Option<String>,
}

fn stored(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn read(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

impl Row {
    fn of(node: Uuid, study: &ArrivingStudy, noted_at: NaiveDateTime) -> Result<Self, DatabaseError> {
        let count = study.count;
        Ok(Self {
            node: RowId(node),
            study_key: study.study_key.clone(),
            study_uid: study.study_instance_uid.clone(),
            callers: serde_json::to_string(&study.callers)
                .map_err(|_| DatabaseError::NotStorable("callers"))?,
            instances: stored(study.instances),
            came: count.map(|count| stored(count.came)),
            expected: count.and_then(|count| count.expected).map(stored),
            counted_by: count.map(|count| count.counted_by.as_str().to_owned()),
            waits_for: study.waits_for.as_str().to_owned(),
            first_at: time::to_row(study.first_at),
            last_at: time::to_row(study.last_at),
            at_latest: study.at_latest.map(time::to_row),
            noted_at,
        })
    }
}

impl TryFrom<Row> for ArrivingStudy {
    type Error = DatabaseError;

    fn try_from(row: Row) -> Result<Self, DatabaseError> {
        let corrupt = |column| DatabaseError::CorruptRow {
            table: "arriving_studies",
            column,
        };
        let counted_by: Option<CountedBy> = match &row.counted_by {
            Some(by) => Some(by.parse().map_err(|_| corrupt("counted_by"))?),
            None => None,
        };
        let waits_for = WaitsFor::ALL
            .into_iter()
            .find(|waits| waits.as_str() == row.waits_for);
        Ok(Self {
            study_key: row.study_key,
            study_instance_uid: row.study_uid,
            callers: serde_json::from_str(&row.callers).map_err(|_| corrupt("callers"))?,
            instances: read(row.instances),
            count: counted_by.zip(row.came).map(|(counted_by, came)| InstanceCount {
                came: read(came),
                expected: row.expected.map(read),
                counted_by,
            }),
            waits_for: waits_for.ok_or_else(|| corrupt("waits_for"))?,
            first_at: time::from_row(row.first_at),
            last_at: time::from_row(row.last_at),
            at_latest: row.at_latest.map(time::from_row),
        })
    }
}

impl Database {
    /// Notes the studies that come to a process, in place of what it noted before; what died processes noted is forgotten.
    pub async fn note_arriving_studies(
        &self,
        node: Uuid,
        studies: Vec<ArrivingStudy>,
    ) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            diesel::delete(arriving_studies::table.filter(arriving_studies::node.eq(RowId(node))))
                .execute(connection)?;
            if let Some(before) = time::earlier(now, CURRENT) {
                diesel::delete(arriving_studies::table.filter(arriving_studies::noted_at.lt(before)))
                    .execute(connection)?;
            }
            for study in &studies {
                diesel::insert_into(arriving_studies::table)
                    .values(Row::of(node, study, now)?)
                    .execute(connection)?;
            }
            Ok(())
        })
        .await
    }

    /// The studies that come, those first that came first.
    pub async fn arriving_studies(&self) -> Result<Vec<ArrivingStudy>, DatabaseError> {
        self.run(|connection| {
            let now = time::shared_now(connection)?;
            let since = time::earlier(now, CURRENT).unwrap_or(NaiveDateTime::MIN);
            let rows: Vec<Row> = arriving_studies::table
                .filter(arriving_studies::noted_at.ge(since))
                .order((arriving_studies::first_at, arriving_studies::study_key))
                .select(Row::as_select())
                .load(connection)?;
            rows.into_iter().map(ArrivingStudy::try_from).collect()
        })
        .await
    }

    /// Adds what peers have brought to what is known of them; `most`: so many titles are known, and no more.
    pub async fn note_pacs_traffic(
        &self,
        traffic: Vec<CallerTraffic>,
        most: u32,
    ) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            for caller in &traffic {
                let known: Option<CallerRow> = pacs_callers::table
                    .find(&caller.ae_title)
                    .select(CallerRow::as_select())
                    .first(connection)
                    .optional()?;
                let is_known = known.is_some();
                let mut row = known.unwrap_or_else(|| CallerRow {
                    ae_title: caller.ae_title.clone(),
                    last_at: now,
                    taken: 0,
                    refused: 0,
                    last_refused_at: None,
                    last_refusal: None,
                });
                row.last_at = now;
                row.taken = row.taken.saturating_add(caller.taken.into());
                row.refused = row.refused.saturating_add(caller.refused.into());
                if caller.refused > 0 {
                    row.last_refused_at = Some(now);
                    row.last_refusal.clone_from(&caller.refusal);
                }
                if is_known {
                    diesel::update(pacs_callers::table.find(&caller.ae_title))
                        .set(&row)
                        .execute(connection)?;
                    continue;
                }
                let count: i64 = pacs_callers::table.count().get_result(connection)?;
                if count < i64::from(most) {
                    diesel::insert_into(pacs_callers::table)
                        .values(&row)
                        .execute(connection)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Who calls the nodes, by title.
    pub async fn pacs_callers(&self) -> Result<Vec<PacsCaller>, DatabaseError> {
        self.run(|connection| {
            let rows: Vec<CallerRow> = pacs_callers::table
                .order(pacs_callers::ae_title)
                .select(CallerRow::as_select())
                .load(connection)?;
            let callers = rows.into_iter().map(|row| PacsCaller {
                ae_title: row.ae_title,
                last_at: time::from_row(row.last_at),
                taken: u64::try_from(row.taken).unwrap_or_default(),
                refused: u64::try_from(row.refused).unwrap_or_default(),
                last_refused_at: row.last_refused_at.map(time::from_row),
                last_refusal: row.last_refusal,
            });
            Ok(callers.collect())
        })
        .await
    }
}
