//! Requested analyses take turns: by priority, and by what their requesters have used.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use norma_database::{Database, DatabaseError, NewAnalysis, OutboxMessage, Owner, WaitingPlace};
use norma_domain::{AnalysisId, OperatingPointName, Priority, Reason, ReasonCode, ScanId, Stage};
use uuid::Uuid;

use crate::builders::{message, new_analysis, new_scan, summary};
use crate::schema::execute;
use crate::sides::{Side, on_both_sides};

const LONG: Duration = Duration::from_secs(60);
const MIB: u64 = 1 << 20;

fn key(name: &str) -> Owner {
    Owner::Scope(name.to_owned())
}

/// An analysis that names itself in its message.
async fn wanted(database: &Database, by: &str, size_bytes: u64, priority: Priority) -> NewAnalysis {
    let scan = new_scan(None);
    let scan_id = scan.id;
    database
        .create_scan(norma_database::NewScan { size_bytes, ..scan })
        .await
        .unwrap();
    of_scan(scan_id, by, priority)
}

fn of_scan(scan_id: ScanId, by: &str, priority: Priority) -> NewAnalysis {
    let new = new_analysis(scan_id, Utc::now() + TimeDelta::hours(1));
    NewAnalysis {
        priority,
        requested_by: Some(key(by)),
        message: OutboxMessage {
            payload: new.id.as_uuid().as_bytes().to_vec(),
            ..new.message
        },
        ..new
    }
}

async fn ask(database: &Database, by: &str, size_bytes: u64, priority: Priority) -> AnalysisId {
    let new = wanted(database, by, size_bytes, priority).await;
    let requested = database.request_analysis(new).await.unwrap();
    assert!(requested.created);
    requested.analysis.id
}

async fn ask_many(database: &Database, by: &str, count: usize) -> Vec<AnalysisId> {
    let mut asked = Vec::new();
    for _ in 0..count {
        asked.push(ask(database, by, 100 * MIB, Priority::Routine).await);
    }
    asked
}

/// What a relay publishes now.
async fn publish(database: &Database) -> Vec<AnalysisId> {
    let messages = database.claim_outbox(1000, LONG).await.unwrap();
    database
        .mark_published(messages.iter().map(|message| message.message_id).collect())
        .await
        .unwrap();
    messages
        .iter()
        .map(|message| AnalysisId::from_uuid(Uuid::from_slice(&message.payload).unwrap()))
        .collect()
}

async fn end(database: &Database, id: AnalysisId) {
    let reason = Reason::new(ReasonCode::NoLungs, "none");
    assert!(database.fail_analysis(id, reason).await.unwrap());
}

/// A relay and a worker that handles one after the other.
struct Line<'a> {
    database: &'a Database,
    ahead: u32,
    /// What the broker holds.
    queue: VecDeque<AnalysisId>,
}

impl<'a> Line<'a> {
    fn new(database: &'a Database, ahead: u32) -> Self {
        Self {
            database,
            ahead,
            queue: VecDeque::new(),
        }
    }

    async fn relay(&mut self) {
        self.database.release_analyses(self.ahead).await.unwrap();
        self.queue.extend(publish(self.database).await);
    }

    /// Handles so many, and tells which in their order.
    async fn work(&mut self, count: usize) -> Vec<AnalysisId> {
        let mut handled = Vec::new();
        while handled.len() < count {
            self.relay().await;
            let id = self.queue.pop_front().expect("something waits");
            self.database.begin_preparing(id).await.unwrap().unwrap();
            self.relay().await;
            end(self.database, id).await;
            handled.push(id);
        }
        handled
    }
}

/// Two hundred studies of one key, then one of another.
#[test]
fn a_mass_run_holds_up_nobodys_single_study() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let many = ask_many(database, "mass run", 200).await;
        let mut line = Line::new(database, 2);
        assert_eq!(line.work(10).await, many[..10], "in their own order");
        let single = ask(database, "reading room", 300 * MIB, Priority::Routine).await;
        let next = line.work(6).await;
        let after = next.iter().position(|id| *id == single);
        assert!(after.is_some_and(|after| after <= 3), "{}: {after:?}", side.name);
    });
}

#[test]
fn what_costs_more_comes_less_often() {
    on_both_sides(|side| async move {
        let database = &side.database;
        for _ in 0..3 {
            ask(database, "large", 4096 * MIB, Priority::Routine).await;
        }
        let small = ask_many(database, "small", 20).await;
        let first = Line::new(database, 1).work(12).await;
        let of_small = first.iter().filter(|id| small.contains(id)).count();
        assert_eq!(of_small, 11, "{}", side.name);
    });
}

#[test]
fn who_was_away_has_saved_nothing_up() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let first = ask(database, "comes again", 100 * MIB, Priority::Routine).await;
        let mut line = Line::new(database, 1);
        assert_eq!(line.work(1).await, [first]);
        let busy = ask_many(database, "busy", 30).await;
        line.work(20).await;
        ask_many(database, "comes again", 10).await;
        let next = line.work(8).await;
        let of_busy = next.iter().filter(|id| busy.contains(id)).count();
        assert!((3..=5).contains(&of_busy), "{}: {of_busy} of 8", side.name);
    });
}

/// Two that wait for a worker are as many as are let out; an urgent one goes all the same.
#[test]
fn an_urgent_study_comes_before_all_that_are_not() {
    on_both_sides(|side| async move {
        let database = &side.database;
        ask_many(database, "mass run", 20).await;
        assert_eq!(database.release_analyses(2).await.unwrap().count, 2);
        assert_eq!(database.release_analyses(2).await.unwrap().count, 0);
        publish(database).await;
        ask(database, "reading room", 100 * MIB, Priority::Routine).await;
        let urgent = ask(database, "emergency", 100 * MIB, Priority::Urgent).await;
        let place = database.waiting_place(urgent).await.unwrap().unwrap();
        assert_eq!(place.ahead, 2, "those that were let out already");
        assert_eq!(database.release_analyses(2).await.unwrap().count, 1);
        assert_eq!(publish(database).await, [urgent]);
        assert_eq!(database.waiting_place(urgent).await.unwrap(), None);
    });
}

/// Fifty requests at once: no more pass than may.
#[test]
fn a_flood_of_urgent_requests_is_refused() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let new = NewAnalysis {
                most_urgent: Some(3),
                ..wanted(database, "flood", MIB, Priority::Urgent).await
            };
            let database = database.clone();
            requests.spawn(async move { database.request_analysis(new).await });
        }
        let answers = requests.join_all().await;
        let let_in: Vec<_> = answers.iter().flatten().collect();
        assert_eq!(let_in.len(), 3, "{}", side.name);
        for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            assert!(
                matches!(refused, DatabaseError::TooManyUrgent { most: 3 }),
                "{refused}"
            );
        }
        ask(database, "somebody else", MIB, Priority::Urgent).await;
        // One ended: there is room for one.
        end(database, let_in[0].analysis.id).await;
        let new = wanted(database, "flood", MIB, Priority::Urgent).await;
        let again = NewAnalysis {
            most_urgent: Some(3),
            ..new
        };
        assert!(database.request_analysis(again).await.unwrap().created);
    });
}

#[test]
fn what_waits_can_become_urgent_and_what_was_let_out_cannot() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let out = ask(database, "mass run", MIB, Priority::Routine).await;
        database.release_analyses(1).await.unwrap();
        publish(database).await;
        ask_many(database, "mass run", 5).await;
        let last = ask(database, "mass run", MIB, Priority::Routine).await;
        for (id, becomes) in [(out, Priority::Routine), (last, Priority::Urgent)] {
            let scan_id = database.analysis(id).await.unwrap().unwrap().scan_id;
            let raised = of_scan(scan_id, "clinician", Priority::Urgent);
            let answer = database.request_analysis(raised).await.unwrap();
            assert_eq!((answer.analysis.id, answer.created), (id, false));
            assert_eq!(answer.analysis.priority, becomes);
        }
        database.release_analyses(1).await.unwrap();
        assert_eq!(publish(database).await, [last]);
    });
}

/// What is refused, or has nothing to raise, changes nothing and is counted by nobody.
#[test]
fn what_cannot_be_raised_stays_as_it_is() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let waiting = ask(database, "mass run", MIB, Priority::Routine).await;
        let scan_id = database.analysis(waiting).await.unwrap().unwrap().scan_id;
        let elsewhere = NewAnalysis {
            operating_point: OperatingPointName("another".to_owned()),
            ..of_scan(scan_id, "clinician", Priority::Urgent)
        };
        let answer = database.request_analysis(elsewhere).await.unwrap();
        assert_eq!(answer.analysis.priority, Priority::Routine);
        let kept = database.analysis(waiting).await.unwrap().unwrap();
        assert_eq!(kept.priority, Priority::Routine);

        database.release_analyses(1).await.unwrap();
        assert_eq!(publish(database).await, [waiting]);
        let at_the_limit = NewAnalysis {
            most_urgent: Some(0),
            ..of_scan(scan_id, "clinician", Priority::Urgent)
        };
        let answer = database.request_analysis(at_the_limit).await.unwrap();
        assert_eq!((answer.analysis.id, answer.created), (waiting, false));
    });
}

#[test]
fn relays_side_by_side_release_each_analysis_once() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let asked: HashSet<_> = ask_many(database, "mass run", 40).await.into_iter().collect();
        let mut relays = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let database = database.clone();
            relays.spawn(async move {
                let mut published = Vec::new();
                let mut idle = 0;
                while idle < 20 {
                    let released = database.release_analyses(3).await.unwrap().count;
                    assert!(released <= 3);
                    let ids = publish(&database).await;
                    idle = if released + ids.len() == 0 { idle + 1 } else { 0 };
                    for id in ids {
                        end(&database, id).await;
                        published.push(id);
                    }
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                published
            });
        }
        let published: Vec<_> = relays.join_all().await.concat();
        assert_eq!(published.len(), 40, "{}", side.name);
        assert_eq!(published.into_iter().collect::<HashSet<_>>(), asked);
    });
}

/// A broker that lost its disk, or a stage without workers, does not stop everything else.
#[test]
fn what_was_let_out_and_nobody_takes_holds_nothing_up_for_ever() {
    on_both_sides(|side| async move {
        let database = &side.database;
        ask_many(database, "mass run", 3).await;
        assert_eq!(database.release_analyses(1).await.unwrap().count, 1);
        assert_eq!(database.release_analyses(1).await.unwrap().count, 0);
        long_ago(&side, "analyses", "released_at", 700);
        long_ago(&side, "analyses", "updated_at", 700);
        assert_eq!(database.release_analyses(1).await.unwrap().count, 1);
    });
}

/// Small and slow is no bargain.
#[test]
fn what_took_longer_than_reckoned_is_charged_afterwards() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let slow = ask_many(database, "slow", 3).await;
        let honest = ask_many(database, "honest", 3).await;
        database.release_analyses(1).await.unwrap();
        publish(database).await;
        database.begin_preparing(slow[0]).await.unwrap().unwrap();
        long_ago(&side, "stage_starts", "started_at", 300);
        let prepared = database.record_prepared(slow[0], summary(), message("prepared"));
        assert!(prepared.await.unwrap());
        end(database, slow[0]).await;
        // The message that it is prepared.
        database.claim_outbox(10, LONG).await.unwrap();
        assert_eq!(Line::new(database, 1).work(3).await, honest, "{}", side.name);
    });
}

/// While a newer version comes in, its stages hide none that hangs.
#[test]
fn a_stage_of_a_newer_version_keeps_no_other_from_being_seen_to_hang() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let asked = ask_many(database, "any", 2).await;
        database.release_analyses(2).await.unwrap();
        publish(database).await;
        for id in &asked {
            database.begin_preparing(*id).await.unwrap().unwrap();
        }
        let id = match side.name {
            "sqlite" => format!("x'{}'", asked[0].to_string().replace('-', "")),
            _ => format!("'{}'", asked[0]),
        };
        execute(
            &side,
            &format!("UPDATE stage_starts SET stage = 'of_a_newer_version' WHERE analysis_id = {id}"),
        );
        long_ago(&side, "stage_starts", "started_at", 300);
        assert_eq!(database.running_stages(asked[0]).await.unwrap(), []);
        let stalled = database.stalled_stages(Duration::from_secs(60)).await.unwrap();
        assert_eq!(stalled, [(asked[1], Stage::Preprocess)], "{}", side.name);
    });
}

#[test]
fn the_place_is_the_one_that_comes_true() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let many = ask_many(database, "mass run", 30).await;
        let few = ask_many(database, "reading room", 3).await;
        let urgent = ask(database, "emergency", MIB, Priority::Urgent).await;
        let place = async |id| database.waiting_place(id).await.unwrap().unwrap().ahead;
        let told = [
            place(urgent).await,
            place(few[0]).await,
            place(few[2]).await,
            place(many[29]).await,
        ];
        let order = Line::new(database, 1).work(34).await;
        let true_place = |id| order.iter().position(|other| *other == id).unwrap() as u64;
        for (told, id) in told.into_iter().zip([urgent, few[0], few[2], many[29]]) {
            assert!(told.abs_diff(true_place(id)) <= 1, "{}: {told}", side.name);
        }
        // Everything has ended, in no time.
        let next = ask(database, "reading room", MIB, Priority::Routine).await;
        let WaitingPlace {
            ahead,
            estimated_wait,
        } = database.waiting_place(next).await.unwrap().unwrap();
        assert_eq!(ahead, 0);
        assert!(estimated_wait.unwrap() < LONG);
        let lanes = database.waiting_lanes().await.unwrap();
        let counts: Vec<_> = lanes.iter().map(|lane| (lane.priority, lane.count)).collect();
        assert_eq!(counts, [(Priority::Urgent, 0), (Priority::Routine, 1)]);
        assert!(lanes[0].oldest.is_none() && lanes[1].oldest.is_some());
    });
}

#[test]
fn what_ends_or_is_deleted_while_it_waits_is_never_announced() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let ended = ask(database, "a", MIB, Priority::Routine).await;
        let deleted = ask(database, "a", MIB, Priority::Routine).await;
        let kept = ask(database, "a", MIB, Priority::Routine).await;
        end(database, ended).await;
        let scan_id = database.analysis(deleted).await.unwrap().unwrap().scan_id;
        database.delete_scan(scan_id).await.unwrap();
        assert_eq!(database.release_analyses(10).await.unwrap().count, 1);
        assert_eq!(publish(database).await, [kept]);
        let released = database.analysis(kept).await.unwrap().unwrap();
        assert!(released.released_at.is_some());
        assert_eq!(
            database.running_stages(kept).await.unwrap(),
            <[Stage; 0]>::default()
        );
    });
}

/// Sets a time of every row back.
fn long_ago(side: &Side, table: &str, column: &str, seconds: u32) {
    let earlier = match side.name {
        "sqlite" => format!("strftime('%Y-%m-%d %H:%M:%f', {column}, '-{seconds} seconds')"),
        _ => format!("{column} - interval '{seconds} seconds'"),
    };
    execute(
        side,
        &format!("UPDATE {table} SET {column} = {earlier} WHERE {column} IS NOT NULL"),
    );
}
