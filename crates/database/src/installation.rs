//! The installation that this database belongs to, and what one of its processes does at a time.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::connection::AnyConnection;
use crate::schema::{installation, leases, scans};
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, time};

const SINGLETON: i32 = 1;

impl Database {
    /// The installation's id; None in a database of before there were ids, and in a new one.
    pub async fn installation(&self) -> Result<Option<Uuid>, DatabaseError> {
        self.run(find).await
    }

    /// Gives the installation an id where it has none; the one that it has now.
    pub async fn create_installation(&self, id: Uuid) -> Result<Uuid, DatabaseError> {
        self.change(move |connection| {
            let row = (
                installation::singleton.eq(SINGLETON),
                installation::id.eq(RowId(id)),
            );
            let insertion = diesel::insert_into(installation::table).values(row);
            match connection {
                AnyConnection::Postgres(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
                AnyConnection::Sqlite(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
            };
            Ok(find(connection)?.unwrap_or(id))
        })
        .await
    }

    /// When the newest scan was made; None without scans.
    pub async fn newest_scan_time(&self) -> Result<Option<DateTime<Utc>>, DatabaseError> {
        self.run(|connection| {
            let newest = scans::table
                .select(diesel::dsl::max(scans::created_at))
                .first::<Option<chrono::NaiveDateTime>>(connection)?;
            Ok(newest.map(time::from_row))
        })
        .await
    }

    /// Takes a lease for a while, unless another holds it.
    pub async fn take_lease(
        &self,
        name: &'static str,
        holder: Uuid,
        duration: Duration,
    ) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let held_until = now + TimeDelta::from_std(duration).unwrap_or(TimeDelta::hours(1));
            let is_free = leases::held_until.lt(now).or(leases::holder.eq(RowId(holder)));
            let taken = diesel::update(leases::table.find(name).filter(is_free))
                .set((
                    leases::holder.eq(RowId(holder)),
                    leases::held_until.eq(held_until),
                ))
                .execute(connection)?;
            if taken == 1 {
                return Ok(true);
            }
            let row = (
                leases::name.eq(name),
                leases::holder.eq(RowId(holder)),
                leases::held_until.eq(held_until),
            );
            let insertion = diesel::insert_into(leases::table).values(row);
            let inserted = match connection {
                AnyConnection::Postgres(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
                AnyConnection::Sqlite(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
            };
            Ok(inserted == 1)
        })
        .await
    }

    /// Gives a lease back before its time.
    pub async fn release_lease(&self, name: &'static str, holder: Uuid) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            diesel::delete(leases::table.find(name).filter(leases::holder.eq(RowId(holder))))
                .execute(connection)?;
            Ok(())
        })
        .await
    }
}

fn find(connection: &mut AnyConnection) -> Result<Option<Uuid>, DatabaseError> {
    let id: Option<RowId> = installation::table
        .find(SINGLETON)
        .select(installation::id)
        .first(connection)
        .optional()?;
    Ok(id.map(|id| id.0))
}
