//! Studies that came by DICOM.

use norma_database::ReceivedStudy;

use crate::builders::scan;
use crate::sides::on_both_sides;

#[test]
fn what_came_last_of_a_study_is_known_until_it_is_deleted() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let (first, second, other) = (
            scan(database, None).await,
            scan(database, None).await,
            scan(database, None).await,
        );
        let study = |scan_id, key: &str, set: &str, predecessor| ReceivedStudy {
            scan_id,
            study_key: key.to_owned(),
            instances: 3,
            instances_sha256: set.to_owned(),
            predecessor,
        };
        let early = study(first.id, "a", "one", None);
        let late = study(second.id, "a", "two", Some(first.id));
        for received in [&early, &late, &study(other.id, "b", "one", None)] {
            database.note_received_study(received.clone()).await.unwrap();
        }
        // Noted once more it is what it was.
        database
            .note_received_study(study(second.id, "a", "else", None))
            .await
            .unwrap();
        let latest = || database.latest_received_study("a".to_owned());
        assert_eq!(latest().await.unwrap(), Some(late));
        let ids = vec![first.id, second.id, other.id];
        let predecessors = database.predecessors(ids.clone()).await.unwrap();
        assert_eq!(Vec::from_iter(predecessors), [(second.id, first.id)]);

        database.delete_scan(first.id).await.unwrap();
        assert_eq!(latest().await.unwrap().unwrap().predecessor, None);
        assert!(database.predecessors(ids).await.unwrap().is_empty());
        database.delete_scan(second.id).await.unwrap();
        assert_eq!(latest().await.unwrap(), None);
        let gone = database.note_received_study(early).await;
        assert!(gone.is_err(), "a scan that is not there");
    });
}
