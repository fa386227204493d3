use std::collections::HashSet;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use norma_database::{Database, OutboxMessage};
use uuid::Uuid;

use crate::builders::{new_analysis, requested, scan};
use crate::sides::on_both_sides;

const LONG: Duration = Duration::from_secs(60);

fn ids(messages: &[OutboxMessage]) -> Vec<Uuid> {
    messages.iter().map(|message| message.message_id).collect()
}

async fn with_messages(database: &Database, count: usize) -> Vec<OutboxMessage> {
    let mut messages = Vec::new();
    for _ in 0..count {
        let scan = scan(database, None).await;
        let new = new_analysis(scan.id, Utc::now() + TimeDelta::hours(1));
        messages.push(new.message.clone());
        database.request_analysis(new).await.unwrap();
    }
    database.release_analyses(100).await.unwrap();
    messages
}

#[test]
fn messages_come_as_they_were_written_the_oldest_first() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let written = with_messages(database, 3).await;

        let first = database.claim_outbox(2, LONG).await.unwrap();
        assert_eq!(first, written[..2]);
        let rest = database.claim_outbox(2, LONG).await.unwrap();
        assert_eq!(rest, written[2..]);
        assert_eq!(database.claim_outbox(2, LONG).await.unwrap(), []);

        assert_eq!(database.count_unpublished().await.unwrap(), 3);
        database.mark_published(ids(&first)).await.unwrap();
        assert_eq!(database.count_unpublished().await.unwrap(), 1);
        assert_eq!(database.prune_outbox(Utc::now()).await.unwrap(), 2);
        assert_eq!(database.prune_outbox(Utc::now()).await.unwrap(), 0);
    });
}

#[test]
fn a_released_message_and_one_whose_lease_ran_out_come_again() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let written = with_messages(database, 2).await;
        let claimed = database.claim_outbox(10, LONG).await.unwrap();
        database.release_outbox(ids(&claimed[..1])).await.unwrap();
        let again = database
            .claim_outbox(10, Duration::from_millis(20))
            .await
            .unwrap();
        assert_eq!(again, written[..1]);

        tokio::time::sleep(Duration::from_millis(40)).await;
        let again = database.claim_outbox(10, LONG).await.unwrap();
        assert_eq!(again, written[..1]);
        database.mark_published(ids(&again)).await.unwrap();
        database.release_outbox(ids(&again)).await.unwrap();
        assert_eq!(database.claim_outbox(10, LONG).await.unwrap(), []);
    });
}

#[test]
fn relays_side_by_side_never_get_the_same_message() {
    on_both_sides(|side| async move {
        let database = &side.database;
        with_messages(database, 40).await;
        let mut relays = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let database = database.clone();
            relays.spawn(async move {
                let mut taken = Vec::new();
                loop {
                    let messages = database.claim_outbox(3, LONG).await.unwrap();
                    if messages.is_empty() {
                        return taken;
                    }
                    taken.extend(ids(&messages));
                    database.mark_published(ids(&messages)).await.unwrap();
                }
            });
        }
        let taken: Vec<Uuid> = relays.join_all().await.concat();
        let distinct: HashSet<_> = taken.iter().collect();
        assert_eq!(distinct.len(), taken.len(), "{}", side.name);
        // A relay may stop early because others held the rows; what is left is still there.
        let left = database.count_unpublished().await.unwrap();
        assert_eq!(taken.len() as u64 + left, 40);
    });
}

#[test]
fn a_message_outlives_the_scan_it_tells_of() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let analysis = requested(database).await;
        database.release_analyses(1).await.unwrap();
        database.delete_scan(analysis.scan_id).await.unwrap();
        assert_eq!(database.claim_outbox(10, LONG).await.unwrap().len(), 1);
    });
}
