use norma_database::{DatabaseError, Rejection};
use norma_domain::{Reason, ReasonCode, ScanId};
use uuid::Uuid;

use crate::builders::{new_prediction, request, scan};
use crate::sides::on_both_sides;

#[test]
fn a_prediction_keeps_its_scans_in_their_order() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let (id, one, two) = (
            Uuid::now_v7(),
            scan(database, None).await,
            scan(database, None).await,
        );
        let analysis = request(database, one.id).await.analysis;
        let rejection = Rejection {
            location: "third.zip".to_owned(),
            reason: Reason::new(ReasonCode::UnreadableArchive, "not a zip archive"),
        };
        database
            .create_prediction(new_prediction(id, vec![two.id, one.id], vec![rejection.clone()]))
            .await
            .unwrap();

        let predicted = database.prediction(id).await.unwrap().unwrap();
        assert_eq!(predicted.rejections, [rejection]);
        let found: Vec<_> = predicted
            .scans
            .iter()
            .map(|predicted| {
                (
                    predicted.scan.id,
                    predicted.analysis.as_ref().map(|found| found.id),
                )
            })
            .collect();
        assert_eq!(found, [(two.id, None), (one.id, Some(analysis.id))]);

        database.delete_scan(two.id).await.unwrap();
        assert_eq!(database.prediction(id).await.unwrap().unwrap().scans.len(), 1);
        database.delete_scan(one.id).await.unwrap();
        assert_eq!(database.prediction(id).await.unwrap(), None);
        assert_eq!(database.prediction(Uuid::now_v7()).await.unwrap(), None);

        // What was rejected may name a person: it went with the last scan.
        let three = scan(database, None).await;
        database
            .create_prediction(new_prediction(id, vec![three.id], vec![]))
            .await
            .unwrap();
        assert_eq!(database.prediction(id).await.unwrap().unwrap().rejections, []);
    });
}

#[test]
fn a_prediction_of_an_unknown_scan_is_refused_as_a_whole() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let (id, known) = (Uuid::now_v7(), scan(database, None).await);
        let refused = database
            .create_prediction(new_prediction(id, vec![known.id, ScanId::generate()], Vec::new()))
            .await;
        assert!(matches!(refused, Err(DatabaseError::NotFound("scan"))));
        assert_eq!(database.prediction(id).await.unwrap(), None);
    });
}
