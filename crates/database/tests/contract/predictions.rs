use norma_database::DatabaseError;
use norma_domain::ScanId;
use uuid::Uuid;

use crate::builders::{request, scan};
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
        database
            .create_prediction(id, vec![two.id, one.id])
            .await
            .unwrap();

        let predicted = database.prediction(id).await.unwrap();
        let found: Vec<_> = predicted
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
        assert_eq!(database.prediction(id).await.unwrap().len(), 1);
        assert_eq!(database.prediction(Uuid::now_v7()).await.unwrap(), []);
    });
}

#[test]
fn a_prediction_of_an_unknown_scan_is_refused_as_a_whole() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let (id, known) = (Uuid::now_v7(), scan(database, None).await);
        let refused = database
            .create_prediction(id, vec![known.id, ScanId::generate()])
            .await;
        assert!(matches!(refused, Err(DatabaseError::NotFound("scan"))));
        assert_eq!(database.prediction(id).await.unwrap(), []);
    });
}
