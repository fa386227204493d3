//! What modalities perform, and how many instances of a study came.

use std::collections::BTreeSet;
use std::time::Duration;

use norma_database::{NewPerformedStep, PerformedStepState, StepNoted};
use norma_domain::{CountedBy, InstanceCount};

use crate::builders::scan;
use crate::sides::on_both_sides;

fn uids(uids: &[&str]) -> BTreeSet<String> {
    uids.iter().map(|uid| (*uid).to_owned()).collect()
}

fn step(uid: &str, calling: &str, keys: &[&str]) -> NewPerformedStep {
    NewPerformedStep {
        sop_instance_uid: uid.to_owned(),
        calling: calling.to_owned(),
        study_keys: uids(keys),
        instances: BTreeSet::new(),
    }
}

#[test]
fn a_step_begins_once_and_ends_once() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let begin = |step| database.begin_performed_step(step, 2);
        let change = |uid: &str, state, instances: Option<&[&str]>| {
            database.change_performed_step(uid.to_owned(), state, instances.map(uids))
        };
        let of = |key: &str| database.performed_steps_of(key.to_owned());
        assert_eq!(
            begin(step("1", "CT1", &["a", "b"])).await.unwrap(),
            StepNoted::Noted
        );
        assert_eq!(
            begin(step("1", "CT2", &["c"])).await.unwrap(),
            StepNoted::Duplicate
        );
        assert!(of("c").await.unwrap().is_empty());
        assert_eq!(begin(step("2", "CT1", &["a"])).await.unwrap(), StepNoted::Noted);
        assert_eq!(begin(step("3", "CT1", &["a"])).await.unwrap(), StepNoted::TooMany);

        let list: &[&str] = &["1.1", "1.2"];
        assert_eq!(change("1", None, Some(list)).await.unwrap(), StepNoted::Noted);
        let known = of("b").await.unwrap();
        assert_eq!(known[0].state, PerformedStepState::InProgress);
        assert_eq!(known[0].instances, uids(list));
        let done = Some(PerformedStepState::Completed);
        assert_eq!(change("1", done, None).await.unwrap(), StepNoted::Noted);
        let known = of("b").await.unwrap();
        assert_eq!(
            (known[0].state, known[0].instances.len()),
            (PerformedStepState::Completed, 2)
        );
        assert_eq!(change("1", None, Some(&[])).await.unwrap(), StepNoted::HasEnded);
        assert_eq!(change("9", done, None).await.unwrap(), StepNoted::NoSuchStep);
        assert_eq!(of("a").await.unwrap().len(), 2);

        assert_eq!(database.forget_performed_steps(Duration::MAX).await.unwrap(), 0);
        tokio::time::sleep(Duration::from_millis(10)).await;
        let forgotten = database.forget_performed_steps(Duration::from_millis(1));
        assert_eq!(forgotten.await.unwrap(), 2);
        assert!(of("a").await.unwrap().is_empty());
    });
}

#[test]
fn a_count_is_of_the_last_look_and_goes_with_its_scan() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let scan = scan(database, None).await;
        assert_eq!(database.instance_count(scan.id).await.unwrap(), None);
        let mut count = InstanceCount {
            came: 28,
            expected: None,
            counted_by: CountedBy::Source,
        };
        for expected in [None, Some(30)] {
            count.expected = expected;
            database.note_instance_count(scan.id, count).await.unwrap();
            assert_eq!(database.instance_count(scan.id).await.unwrap(), Some(count));
        }
        database.delete_scan(scan.id).await.unwrap();
        assert_eq!(database.instance_count(scan.id).await.unwrap(), None);
        assert!(database.note_instance_count(scan.id, count).await.is_err());
    });
}
