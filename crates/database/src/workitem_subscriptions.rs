//! Who is told of which work items (DICOM PS3.4 section CC.2.3), and what they have not been told yet.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use crate::connection::AnyConnection;
use crate::node_schema::{workitem_events, workitem_subscriptions, workitems};
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, Owner, time};

/// Stands for the whole worklist (PS3.4 section CC.2.3.1.1)…
pub const WORKLIST: &str = "1.2.840.10008.5.1.4.34.5";
/// …and for a part of it.
pub const FILTERED_WORKLIST: &str = "1.2.840.10008.5.1.4.34.5.1";
pub const WORKLISTS: [&str; 2] = [WORKLIST, FILTERED_WORKLIST];
/// (0074,1242) SCP Status: events of the service itself have it.
const SERVICE_STATUS: &str = "00741242";
/// Work items subscribed to in one transaction.
const EXISTING_AT_ONCE: usize = 200;
/// What waits for one subscriber at most: the oldest goes.
const MOST_EVENTS: i64 = 10_000;

/// What a subscriber wants to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkitemSubscription {
    pub subscriber: String,
    /// The UID of a work item, [`WORKLIST`] or [`FILTERED_WORKLIST`].
    pub workitem: String,
    /// Of a part of the worklist.
    pub filter: Option<String>,
    /// With one, only of theirs.
    pub owner: Option<Owner>,
    pub has_deletion_lock: bool,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = workitem_subscriptions, treat_none_as_default_value = false)]
struct Row {
    subscriber: String,
    workitem: String,
    filter: Option<String>,
    visible_owner: Option<String>,
    has_deletion_lock: bool,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = workitem_events)]
struct EventRow {
    id: RowId,
    subscriber: String,
    event: String,
    created_at: NaiveDateTime,
}

impl Database {
    /// Subscribes to the worklist, to a part of it, or to a work item. `existing`: those that are there and that it is to be told of, each
    /// with the first event; of a work item itself and its state. What was subscribed to under the same name is replaced. False where
    /// it would be one subscriber more than `most` whose names end alike behind their title (`TITLE@whose`): each costs everybody
    /// who makes or changes a work item.
    pub async fn subscribe_to_workitems(
        &self,
        subscription: WorkitemSubscription,
        existing: Vec<(String, String)>,
        whose: String,
        most: usize,
    ) -> Result<bool, DatabaseError> {
        let (subscriber, has_deletion_lock) =
            (subscription.subscriber.clone(), subscription.has_deletion_lock);
        let is_taken = self
            .change(move |connection| {
                let subscribers: Vec<String> = workitem_subscriptions::table
                    .select(workitem_subscriptions::subscriber)
                    .distinct()
                    .load(connection)?;
                let is_known = subscribers.contains(&subscription.subscriber);
                let ends = format!("@{whose}");
                let own = subscribers.iter().filter(|name| name.ends_with(&ends));
                if !is_known && own.count() >= most {
                    return Ok(false);
                }
                let owner = subscription.owner.map(String::from);
                let is_of_worklist = WORKLISTS.contains(&subscription.workitem.as_str());
                if is_of_worklist {
                    put(
                        connection,
                        &Row {
                            subscriber: subscription.subscriber.clone(),
                            workitem: subscription.workitem.clone(),
                            filter: subscription.filter.clone(),
                            visible_owner: owner,
                            has_deletion_lock: subscription.has_deletion_lock,
                        },
                    )?;
                }
                Ok(true)
            })
            .await?;
        if !is_taken {
            return Ok(false);
        }
        // A part at a time: whoever has thousands of work items keeps nobody else from writing meanwhile.
        let mut existing = existing.into_iter();
        loop {
            let part: Vec<(String, String)> = existing.by_ref().take(EXISTING_AT_ONCE).collect();
            if part.is_empty() {
                return Ok(true);
            }
            let subscriber = subscriber.clone();
            self.change(move |connection| {
                subscribe_to_existing(connection, &subscriber, has_deletion_lock, part)
            })
            .await?;
        }
    }

    /// Ends a subscription: of a work item to it; of the worklist, or a part, to all work items. With `only_new` to new work items
    /// alone. False where there was none.
    pub async fn unsubscribe_from_workitems(
        &self,
        subscriber: String,
        workitem: String,
        only_new: bool,
    ) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let of = workitem_subscriptions::table.filter(workitem_subscriptions::subscriber.eq(&subscriber));
            let is_of_worklist = WORKLISTS.contains(&workitem.as_str());
            let ended = if is_of_worklist && !only_new {
                diesel::delete(of).execute(connection)?
            } else {
                diesel::delete(of.filter(workitem_subscriptions::workitem.eq(&workitem)))
                    .execute(connection)?
            };
            Ok(ended > 0)
        })
        .await
    }

    /// Whether anybody is told of a work item.
    pub async fn has_workitem_subscribers(&self, workitem: String) -> Result<bool, DatabaseError> {
        self.run(move |connection| {
            let of = workitem_subscriptions::table.filter(workitem_subscriptions::workitem.eq(workitem));
            let count: i64 = of.count().get_result(connection)?;
            Ok(count > 0)
        })
        .await
    }

    /// Keeps an event of the service itself for everybody who subscribed to anything. Of such events that wait for a subscriber the last one
    /// counts: who comes late is told once.
    pub async fn tell_workitem_subscribers(&self, event: String) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            let named = workitem_events::table
                .filter(workitem_events::event.like(format!("%\"{SERVICE_STATUS}\"%")))
                .select((workitem_events::id, workitem_events::event));
            let mut earlier: Vec<(RowId, String)> = named.load(connection)?;
            earlier.retain(|(_, event)| is_of_service(event));
            let earlier: Vec<RowId> = earlier.into_iter().map(|(id, _)| id).collect();
            diesel::delete(workitem_events::table.filter(workitem_events::id.eq_any(earlier)))
                .execute(connection)?;
            let subscribers: Vec<String> = workitem_subscriptions::table
                .select(workitem_subscriptions::subscriber)
                .distinct()
                .load(connection)?;
            for subscriber in subscribers {
                keep_events(connection, &subscriber, std::slice::from_ref(&event))?;
            }
            Ok(())
        })
        .await
    }

    /// The oldest events of a subscriber that wait, each once.
    pub async fn take_workitem_events(
        &self,
        subscriber: String,
        limit: u32,
    ) -> Result<Vec<String>, DatabaseError> {
        let asked = subscriber.clone();
        // Nearly always nothing waits: no turn to write is taken for that.
        let waiting = self
            .run(move |connection| {
                let of = workitem_events::table.filter(workitem_events::subscriber.eq(asked));
                let count: i64 = of.count().get_result(connection)?;
                Ok(count)
            })
            .await?;
        if waiting == 0 {
            return Ok(Vec::new());
        }
        self.change(move |connection| {
            let oldest = workitem_events::table
                .filter(workitem_events::subscriber.eq(subscriber))
                .order(workitem_events::id)
                .limit(limit.into())
                .select((workitem_events::id, workitem_events::event));
            let rows: Vec<(RowId, String)> = match connection {
                AnyConnection::Postgres(inner) => oldest.for_update().skip_locked().load(inner)?,
                AnyConnection::Sqlite(inner) => oldest.load(inner)?,
            };
            let (ids, events): (Vec<RowId>, Vec<String>) = rows.into_iter().unzip();
            diesel::delete(workitem_events::table.filter(workitem_events::id.eq_any(ids)))
                .execute(connection)?;
            Ok(events)
        })
        .await
    }
}

/// Those of these work items that are there still.
fn subscribe_to_existing(
    connection: &mut AnyConnection,
    subscriber: &str,
    has_deletion_lock: bool,
    part: Vec<(String, String)>,
) -> Result<(), DatabaseError> {
    let mut events = Vec::with_capacity(part.len());
    for (workitem, event) in part {
        let there: i64 = workitems::table.find(&workitem).count().get_result(connection)?;
        if there == 0 {
            continue;
        }
        let row = Row {
            subscriber: subscriber.to_owned(),
            workitem,
            filter: None,
            visible_owner: None,
            has_deletion_lock,
        };
        put(connection, &row)?;
        events.push(event);
    }
    keep_events(connection, subscriber, &events)
}

/// A work item may say so too, further down.
fn is_of_service(event: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(event).is_ok_and(|event| event.get(SERVICE_STATUS).is_some())
}

fn put(connection: &mut AnyConnection, row: &Row) -> Result<(), DatabaseError> {
    diesel::delete(workitem_subscriptions::table.find((&row.subscriber, &row.workitem)))
        .execute(connection)?;
    diesel::insert_into(workitem_subscriptions::table)
        .values(row)
        .execute(connection)?;
    Ok(())
}

/// Subscribes to a new work item who wants to be told of it.
pub(crate) fn subscribe_to_new(
    connection: &mut AnyConnection,
    uid: &str,
    owner: Option<&str>,
    is_of: impl Fn(&str) -> bool,
) -> Result<(), DatabaseError> {
    let of_worklist: Vec<Row> = workitem_subscriptions::table
        .filter(workitem_subscriptions::workitem.eq_any(WORKLISTS))
        .order(workitem_subscriptions::workitem)
        .load(connection)?;
    for row in of_worklist {
        let is_visible = row.visible_owner.is_none() || row.visible_owner.as_deref() == owner;
        if is_visible && row.filter.as_deref().is_none_or(&is_of) {
            put(
                connection,
                &Row {
                    workitem: uid.to_owned(),
                    filter: None,
                    visible_owner: None,
                    ..row
                },
            )?;
        }
    }
    Ok(())
}

/// Keeps events for each subscriber of a work item.
pub(crate) fn tell(
    connection: &mut AnyConnection,
    uid: &str,
    events: &[String],
) -> Result<(), DatabaseError> {
    let subscribers: Vec<String> = workitem_subscriptions::table
        .filter(workitem_subscriptions::workitem.eq(uid))
        .select(workitem_subscriptions::subscriber)
        .load(connection)?;
    for subscriber in subscribers {
        keep_events(connection, &subscriber, events)?;
    }
    Ok(())
}

/// Keeps events of a subscriber. Counted once, however many they are: each count looks at all that wait.
fn keep_events(
    connection: &mut AnyConnection,
    subscriber: &str,
    events: &[String],
) -> Result<(), DatabaseError> {
    for event in events {
        let row = EventRow {
            id: RowId(Uuid::now_v7()),
            subscriber: subscriber.to_owned(),
            event: event.clone(),
            created_at: time::shared_now(connection)?,
        };
        diesel::insert_into(workitem_events::table)
            .values(&row)
            .execute(connection)?;
    }
    let of = workitem_events::table.filter(workitem_events::subscriber.eq(subscriber));
    let beyond = of.count().get_result::<i64>(connection)? - MOST_EVENTS;
    if beyond > 0 {
        let oldest: Vec<RowId> = workitem_events::table
            .filter(workitem_events::subscriber.eq(subscriber))
            .order(workitem_events::id)
            .limit(beyond)
            .select(workitem_events::id)
            .load(connection)?;
        diesel::delete(workitem_events::table.filter(workitem_events::id.eq_any(oldest)))
            .execute(connection)?;
    }
    Ok(())
}
