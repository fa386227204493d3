//! A study that is being stored is locked: of two at once one stores it, and one that was taken for dead stores nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use norma_database::{DatabaseError, StudyLock};
use uuid::Uuid;

use crate::builders::new_scan;
use crate::sides::on_both_sides;

const PATIENCE: Duration = Duration::from_secs(600);

fn lock(studies: &[&str]) -> StudyLock {
    StudyLock {
        study_keys: studies.iter().map(|study| (*study).to_owned()).collect(),
        holder: Uuid::now_v7(),
    }
}

#[test]
fn a_study_is_one_holders_until_it_is_given_free() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let take = async |lock: &StudyLock| database.lock_studies(lock.clone(), PATIENCE).await.unwrap();
        let (first, second) = (lock(&["a", "b"]), lock(&["b", "c"]));
        assert!(take(&first).await);
        assert!(take(&first).await, "the same holder, after its process died");
        assert!(!take(&second).await);
        let third = lock(&["c"]);
        assert!(take(&third).await, "who has to wait holds none of its studies");
        database.unlock_studies(third).await.unwrap();
        database.unlock_studies(second.clone()).await.unwrap();
        assert!(!take(&second).await, "nobody gives free what is another's");
        assert!(database.renew_study_lock(first.clone()).await.unwrap());
        assert!(!database.renew_study_lock(second.clone()).await.unwrap());
        database.unlock_studies(first.clone()).await.unwrap();
        assert!(!database.renew_study_lock(first).await.unwrap());
        assert!(take(&second).await);
    });
}

#[test]
fn who_was_taken_for_dead_stores_nothing() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let (slow, quick) = (lock(&["a"]), lock(&["a"]));
        assert!(database.lock_studies(slow.clone(), PATIENCE).await.unwrap());
        // What is renewed is alive, however long it takes.
        let short = Duration::from_secs(6);
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert!(database.renew_study_lock(slow.clone()).await.unwrap());
        }
        assert!(!database.lock_studies(quick.clone(), short).await.unwrap());
        database
            .create_locked_scan(new_scan(None), Some(slow.clone()))
            .await
            .unwrap();

        assert!(
            database
                .lock_studies(quick.clone(), Duration::ZERO)
                .await
                .unwrap()
        );
        let late = new_scan(None);
        let refused = database.create_locked_scan(late.clone(), Some(slow)).await;
        assert!(
            matches!(refused, Err(DatabaseError::StudyLockLost)),
            "{refused:?}"
        );
        assert!(database.scan(late.id).await.unwrap().is_none());
        database
            .create_locked_scan(new_scan(None), Some(quick))
            .await
            .unwrap();
    });
}

#[test]
fn of_many_at_once_one_has_it_at_a_time() {
    on_both_sides(|side| async move {
        let (inside, taken) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let tasks = (0..4).map(|_| {
            let (database, inside, taken) = (side.database.clone(), Arc::clone(&inside), Arc::clone(&taken));
            tokio::spawn(async move {
                for _ in 0..5 {
                    let own = lock(&["a", "b"]);
                    while !database.lock_studies(own.clone(), PATIENCE).await.unwrap() {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two have it");
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                    taken.fetch_add(1, Ordering::SeqCst);
                    database.unlock_studies(own).await.unwrap();
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        assert_eq!(taken.load(Ordering::SeqCst), 20);
    });
}
