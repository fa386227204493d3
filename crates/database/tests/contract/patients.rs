use norma_database::{DatabaseError, Page};
use norma_domain::PatientId;

use crate::builders::{details, prepared, request, scan};
use crate::sides::on_both_sides;

#[test]
fn a_patient_is_created_read_changed_and_deleted() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let created = database.create_patient(details("Анна", "Иванова")).await.unwrap();
        assert_eq!(database.patient(created.id).await.unwrap(), Some(created.clone()));

        let changed = database
            .update_patient(created.id, details("Анна", "Петрова"), None)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(changed.last_name, "Петрова");
        assert_eq!(changed.created_at, created.created_at);
        assert!(changed.updated_at >= created.updated_at);

        assert_eq!(
            database
                .delete_patient(
                    created.id,
                    norma_database::AuditActor::system("test"),
                    String::new()
                )
                .await
                .unwrap(),
            Some(vec![])
        );
        assert_eq!(database.patient(created.id).await.unwrap(), None);
        assert_eq!(
            database
                .delete_patient(
                    created.id,
                    norma_database::AuditActor::system("test"),
                    String::new()
                )
                .await
                .unwrap(),
            None
        );
        let nobody = PatientId::generate();
        assert_eq!(
            database
                .update_patient(nobody, details("A", "B"), None)
                .await
                .unwrap(),
            None
        );
    });
}

#[test]
fn search_finds_words_in_any_order_and_case() {
    on_both_sides(|side| async move {
        let database = &side.database;
        for (first, last) in [
            ("Пётр", "Семёнов"),
            ("Анна", "Семенова"),
            ("Ann", "O_Hara"),
            ("Ann", "OxHara"),
        ] {
            database.create_patient(details(first, last)).await.unwrap();
        }
        let found = async |search: &str| {
            let listing = database
                .list_patients(Some(search.to_owned()), Page::default())
                .await
                .unwrap();
            assert_eq!(
                listing.total,
                listing.items.len() as u64,
                "{search} on {}",
                side.name
            );
            listing
                .items
                .into_iter()
                .map(|patient| format!("{} {}", patient.first_name, patient.last_name))
                .collect::<Vec<_>>()
        };
        assert_eq!(found("СЕМЕНОВ").await, ["Анна Семенова", "Пётр Семёнов"]);
        assert_eq!(found("семёнов пет").await, ["Пётр Семёнов"]);
        assert_eq!(found("o_hara").await, ["Ann O_Hara"]);
        assert_eq!(found("%").await, [""; 0]);
        assert_eq!(found("ANN").await.len(), 2);
        assert_eq!(found(" ").await.len(), 4);
    });
}

#[test]
fn lists_are_paged_the_newest_first() {
    on_both_sides(|side| async move {
        let database = &side.database;
        for number in 0..5 {
            database
                .create_patient(details("A", &number.to_string()))
                .await
                .unwrap();
        }
        let page = Page { limit: 2, offset: 3 };
        let listing = database.list_patients(None, page).await.unwrap();
        let names: Vec<_> = listing
            .items
            .iter()
            .map(|patient| patient.last_name.as_str())
            .collect();
        assert_eq!((names, listing.total), (vec!["1", "0"], 5));
        let beyond = Page { limit: 2, offset: 9 };
        let listing = database.list_patients(None, beyond).await.unwrap();
        assert_eq!((listing.items.len(), listing.total), (0, 5));
    });
}

#[test]
fn deleting_a_patient_tells_what_went_with_it() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let patient = database.create_patient(details("A", "B")).await.unwrap();
        let other = prepared(database).await;
        let one = scan(database, Some(patient.id)).await;
        let two = scan(database, Some(patient.id)).await;
        let analysis = request(database, two.id).await.analysis;

        let deleted = database
            .delete_patient(
                patient.id,
                norma_database::AuditActor::system("test"),
                String::new(),
            )
            .await
            .unwrap()
            .unwrap();

        let deleted: Vec<_> = deleted
            .into_iter()
            .map(|scan| (scan.scan_id, scan.analysis_ids))
            .collect();
        assert_eq!(deleted, [(one.id, vec![]), (two.id, vec![analysis.id])]);
        let erasure = database.erasure_of(patient.id).await.unwrap().unwrap();
        assert_eq!(erasure.erased.scans, [one.id, two.id]);
        assert_eq!(erasure.erased.analyses, 1);
        assert_eq!(erasure.erased.size_bytes, one.size_bytes + two.size_bytes);
        assert_eq!(erasure.scans_with_files, 2, "files follow rows");
        assert_eq!(erasure.event.event.actor.name, "test");
        assert_eq!(erasure.event.event.patient_id, Some(patient.id));
        assert_eq!(
            database
                .erasure_of(norma_domain::PatientId::generate())
                .await
                .unwrap(),
            None
        );
        assert_eq!(database.scan(one.id).await.unwrap(), None);
        assert_eq!(database.analysis(analysis.id).await.unwrap(), None);
        assert!(database.analysis(other.id).await.unwrap().is_some());
    });
}

#[test]
fn a_nul_character_is_refused_on_both_sides_alike() {
    on_both_sides(|side| async move {
        let refused = side.database.create_patient(details("A\0", "B")).await;
        assert!(matches!(
            refused,
            Err(DatabaseError::NulInText { field: "first_name" })
        ));
    });
}
