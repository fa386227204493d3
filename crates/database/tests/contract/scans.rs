use norma_database::{DatabaseError, NewScan, Page, ScanIdentity, ScanQuery};
use norma_domain::{PatientId, ScanId};

use crate::builders::{details, scan};
use crate::sides::on_both_sides;

#[test]
fn a_scan_is_created_read_and_described() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let created = scan(database, None).await;
        assert_eq!(created.size_bytes, 5_000_000_000);
        assert_eq!(database.scan(created.id).await.unwrap(), Some(created.clone()));

        let described = database
            .update_scan_description(created.id, "до лечения".to_owned(), None)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(described.description, "до лечения");
        assert_eq!(described.file_name, created.file_name);
        let unknown = ScanId::generate();
        assert_eq!(database.scan(unknown).await.unwrap(), None);
        let described = database
            .update_scan_description(unknown, String::new(), None)
            .await;
        assert_eq!(described.unwrap(), None);
    });
}

#[test]
fn scans_are_listed_by_patient_the_newest_first() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let patient = database.create_patient(details("A", "B")).await.unwrap();
        let first = scan(database, Some(patient.id)).await;
        let second = scan(database, Some(patient.id)).await;
        let third = scan(database, None).await;

        let listing = database
            .list_scans(
                ScanQuery {
                    patient_id: Some(patient.id),
                    ..ScanQuery::default()
                },
                Page::default(),
            )
            .await
            .unwrap();
        assert_eq!((listing.items, listing.total), (vec![second, first], 2));
        let page = Page { limit: 1, offset: 0 };
        let listing = database.list_scans(ScanQuery::default(), page).await.unwrap();
        assert_eq!((listing.items, listing.total), (vec![third], 3));
    });
}

#[test]
fn a_scan_of_nobody_and_a_scan_twice_are_refused_by_name() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let id = ScanId::generate();
        let new = NewScan {
            id,
            patient_id: Some(PatientId::generate()),
            description: String::new(),
            file_name: "a.zip".to_owned(),
            sha256: String::new(),
            size_bytes: 0,
            object_key: String::new(),
            owner: None,
            identity: ScanIdentity::default(),
            study_uid: None,
            request: None,
        };
        let refused = database.create_scan(new.clone()).await;
        assert!(matches!(refused, Err(DatabaseError::NotFound("patient"))));

        let new = NewScan {
            patient_id: None,
            ..new
        };
        database.create_scan(new.clone()).await.unwrap();
        let refused = database.create_scan(new).await.unwrap_err();
        assert!(
            matches!(refused, DatabaseError::UniqueViolation { .. }),
            "{refused:?}"
        );
        assert!(!refused.is_retryable());
    });
}
