//! What rules go by of studies that came, which rule decided, and where the results go then.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use norma_domain::ScanId;

use crate::connection::AnyConnection;
use crate::node_schema::study_routes;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, time};

/// How a study was routed.
#[derive(Clone, PartialEq, Eq)]
pub struct StudyRoute {
    pub scan_id: ScanId,
    /// JSON; texts of the study.
    pub facts: String,
    /// None where no rule decided.
    pub rule: Option<String>,
    /// None: wherever results go.
    pub destinations: Option<BTreeSet<String>>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = study_routes, treat_none_as_default_value = false)]
struct Row {
    scan_id: RowId,
    facts: String,
    rule: Option<String>,
    destinations: Option<String>,
    decided_at: NaiveDateTime,
}

impl TryFrom<Row> for StudyRoute {
    type Error = DatabaseError;

    fn try_from(row: Row) -> Result<Self, DatabaseError> {
        Ok(Self {
            scan_id: row.scan_id.into(),
            destinations: row.destinations.as_deref().map(names).transpose()?,
            facts: row.facts,
            rule: row.rule,
        })
    }
}

fn names(json: &str) -> Result<BTreeSet<String>, DatabaseError> {
    serde_json::from_str(json).map_err(|_| DatabaseError::CorruptRow {
        table: "study_routes",
        column: "destinations",
    })
}

impl Database {
    /// Notes how a study is routed, in place of what was noted before.
    ///
    /// # Errors
    /// [`DatabaseError::ForeignKeyViolation`] where there is no such scan.
    pub async fn note_study_route(&self, route: StudyRoute) -> Result<(), DatabaseError> {
        let destinations = route
            .destinations
            .as_ref()
            .map(serde_json::to_string)
            .transpose()
            .map_err(|_| DatabaseError::NotStorable("destinations"))?;
        self.change(move |connection| {
            let row = Row {
                scan_id: route.scan_id.into(),
                // PostgreSQL keeps no U+0000 in a text.
                facts: route.facts.replace("\\u0000", ""),
                rule: route.rule,
                destinations,
                decided_at: time::shared_now(connection)?,
            };
            diesel::delete(study_routes::table.find(row.scan_id)).execute(connection)?;
            diesel::insert_into(study_routes::table)
                .values(&row)
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    pub async fn study_route(&self, scan_id: ScanId) -> Result<Option<StudyRoute>, DatabaseError> {
        self.run(move |connection| {
            let row: Option<Row> = study_routes::table
                .find(RowId::from(scan_id))
                .select(Row::as_select())
                .first(connection)
                .optional()?;
            row.map(StudyRoute::try_from).transpose()
        })
        .await
    }

    /// How the studies that came last were routed, the newest first, each with when that was.
    pub async fn latest_study_routes(
        &self,
        most: u32,
    ) -> Result<Vec<(StudyRoute, DateTime<Utc>)>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<Row> = study_routes::table
                .order(study_routes::scan_id.desc())
                .limit(most.into())
                .select(Row::as_select())
                .load(connection)?;
            rows.into_iter()
                .map(|row| {
                    let at = time::from_row(row.decided_at);
                    Ok((StudyRoute::try_from(row)?, at))
                })
                .collect()
        })
        .await
    }
}

/// Where the results of a scan go; None: wherever results go.
pub(crate) fn destinations_of(
    connection: &mut AnyConnection,
    scan_id: RowId,
) -> Result<Option<BTreeSet<String>>, DatabaseError> {
    let json: Option<Option<String>> = study_routes::table
        .find(scan_id)
        .select(study_routes::destinations)
        .first(connection)
        .optional()?;
    json.flatten().as_deref().map(names).transpose()
}
