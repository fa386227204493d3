//! Whose study it is: kept, found, moved, merged.

use norma_database::{
    Database, DatabaseError, Listing, NewScan, Page, PatientDetails, PatientIdentity, Scan, ScanIdentity,
    ScanQuery, StudyQuery,
};
use norma_domain::{IdentityAttribute, PatientId, ScanId, StudyIdentity};

use crate::builders::{details, new_scan, request};
use crate::sides::on_both_sides;

fn identity(name: &str, patient_id: &str, accession: &str) -> ScanIdentity {
    ScanIdentity {
        study: StudyIdentity {
            patient_id: Some(patient_id.to_owned()),
            patient_name: Some(name.to_owned()),
            accession_number: Some(accession.to_owned()),
            birth_date: Some("19600515".to_owned()),
            ..StudyIdentity::default()
        },
        confirmed_conflicts: Vec::new(),
    }
}

async fn scan_of(database: &Database, patient_id: Option<PatientId>, identity: ScanIdentity) -> Scan {
    let new = NewScan {
        identity,
        ..new_scan(patient_id)
    };
    database.create_scan(new).await.unwrap()
}

fn ids<T>(listing: Listing<T>, id: impl Fn(T) -> ScanId) -> Vec<ScanId> {
    assert_eq!(listing.total, listing.items.len() as u64);
    listing.items.into_iter().map(id).collect()
}

#[test]
fn a_study_is_found_by_what_its_files_say() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let patient = database.create_patient(details("Анна", "Петрова")).await.unwrap();
        let registered = scan_of(database, Some(patient.id), ScanIdentity::default())
            .await
            .id;
        let said = scan_of(database, None, identity("СЕМЁНОВА^Ольга", "MRN-17", "ACC/9"))
            .await
            .id;
        let other = scan_of(database, None, identity("SMITH^JO", "MRN-18", "ACC/10"))
            .await
            .id;
        let found = async |search: &str| {
            let query = StudyQuery {
                search: Some(search.to_owned()),
                ..StudyQuery::default()
            };
            let listing = database.list_studies(query, Page::default()).await.unwrap();
            ids(listing, |row| row.scan.id)
        };
        assert_eq!(found("петрова").await, [registered], "{}", side.name);
        assert_eq!(found("ольга семенова").await, [said], "{}", side.name);
        assert_eq!(found("mrn-17").await, [said]);
        assert_eq!(found("acc/9").await, [said]);
        assert_eq!(found("mrn").await, [other, said]);
        assert!(found("olga").await.is_empty());

        let exactly = StudyQuery {
            dicom_patient_id: Some("MRN-17".to_owned()),
            ..StudyQuery::default()
        };
        let listing = database.list_studies(exactly, Page::default()).await.unwrap();
        assert_eq!(
            listing.items[0].identity,
            Some(identity("СЕМЁНОВА^Ольга", "MRN-17", "ACC/9"))
        );
        assert_eq!(ids(listing, |row| row.scan.id), [said]);
        let by_accession = ScanQuery {
            accession_number: Some("ACC/10".to_owned()),
            ..ScanQuery::default()
        };
        let listing = database.list_scans(by_accession, Page::default()).await.unwrap();
        assert_eq!(ids(listing, |scan| scan.id), [other]);

        let known = database.scan_identities(vec![registered, said]).await.unwrap();
        assert_eq!(known.len(), 1, "nothing is kept where nothing is said");
        assert_eq!(known[&said], identity("СЕМЁНОВА^Ольга", "MRN-17", "ACC/9"));
        database.delete_scan(said).await.unwrap();
        assert!(database.scan_identities(vec![said]).await.unwrap().is_empty());
    });
}

#[test]
fn patients_are_found_by_their_patient_id() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let known = PatientIdentity {
            dicom_patient_id: Some("MRN-17".to_owned()),
            issuer_of_patient_id: Some("CITY".to_owned()),
            birth_date: Some("19600515".to_owned()),
            sex: Some("F".to_owned()),
        };
        let new = PatientDetails {
            identity: known.clone(),
            ..details("Anna", "Petrova")
        };
        let patient = database.create_patient(new).await.unwrap();
        assert_eq!(patient.identity, known);
        database.create_patient(details("B", "C")).await.unwrap();
        let found = database
            .list_patients(Some("mrn-17".to_owned()), Page::default())
            .await
            .unwrap();
        assert_eq!(found.items, std::slice::from_ref(&patient));
        let found = database.patients_by_dicom_id("MRN-17".to_owned()).await.unwrap();
        assert_eq!(found, [patient]);
    });
}

fn confirming(confirmed_conflicts: Vec<IdentityAttribute>) -> ScanIdentity {
    ScanIdentity {
        confirmed_conflicts,
        ..ScanIdentity::default()
    }
}

#[test]
fn a_scan_moves_to_another_record_with_what_was_confirmed() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let patient = database.create_patient(details("A", "B")).await.unwrap();
        let scan = scan_of(database, None, identity("X^Y", "1", "2")).await;
        request(database, scan.id).await;
        let conflicts = vec![IdentityAttribute::PatientName, IdentityAttribute::PatientId];
        let moved = database
            .move_scan(scan.id, patient.id, confirming(conflicts.clone()), None)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(moved.patient_id, Some(patient.id));
        let known = database.scan_identities(vec![scan.id]).await.unwrap();
        assert_eq!(known[&scan.id].confirmed_conflicts, conflicts);
        // Too much spoke against it: the record does not take it for its patient's own.
        assert_eq!(database.identities_of_patient(patient.id).await.unwrap(), []);
        let one = vec![IdentityAttribute::PatientName];
        database
            .move_scan(scan.id, patient.id, confirming(one), None)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(database.identities_of_patient(patient.id).await.unwrap().len(), 1);

        let nobody = PatientId::generate();
        let refused = database
            .move_scan(scan.id, nobody, ScanIdentity::default(), None)
            .await;
        assert!(matches!(refused, Err(DatabaseError::NotFound("patient"))));
        let moved = database
            .move_scan(ScanId::generate(), patient.id, ScanIdentity::default(), None)
            .await;
        assert_eq!(moved.unwrap(), None);

        // What was stored without being read is known from now on; what was read is not overwritten.
        let unread = scan_of(database, None, ScanIdentity::default()).await.id;
        let (read, other) = (identity("X^Y", "3", "4"), identity("Z", "5", "6"));
        for said in [&read, &other] {
            let moved = database.move_scan(unread, patient.id, said.clone(), None).await;
            assert!(moved.unwrap().is_some());
        }
        let known = database.scan_identities(vec![unread]).await.unwrap();
        assert_eq!(known[&unread], read, "{}", side.name);
    });
}

#[test]
fn two_records_of_one_patient_become_one() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let patient = async |name: &str| database.create_patient(details(name, "B")).await.unwrap().id;
        let (kept, other, earlier) = (
            patient("Kept").await,
            patient("Other").await,
            patient("Earlier").await,
        );
        let known = PatientDetails {
            identity: PatientIdentity {
                dicom_patient_id: Some("MRN-17".to_owned()),
                birth_date: Some("19600515".to_owned()),
                ..PatientIdentity::default()
            },
            description: "smoker".to_owned(),
            ..details("Other", "B")
        };
        database.update_patient(other, known, None).await.unwrap();
        let scan = scan_of(database, Some(other), ScanIdentity::default()).await.id;
        let own = scan_of(database, Some(kept), ScanIdentity::default()).await.id;

        database.merge_patients(other, earlier).await.unwrap().unwrap();
        let merged = database.merge_patients(kept, other).await.unwrap().unwrap();

        assert_eq!(merged.moved, [scan]);
        assert_eq!(merged.patient.first_name, "Kept");
        assert_eq!(merged.patient.description, "smoker");
        assert_eq!(
            merged.patient.identity.dicom_patient_id.as_deref(),
            Some("MRN-17")
        );
        assert_eq!(merged.patient.identity.birth_date.as_deref(), Some("19600515"));
        assert_eq!(database.patient(other).await.unwrap(), None);
        for ended in [other, earlier] {
            assert_eq!(
                database.merged_into(ended).await.unwrap(),
                Some(kept),
                "{}",
                side.name
            );
        }
        let of_kept = ScanQuery {
            patient_id: Some(kept),
            ..ScanQuery::default()
        };
        let listing = database.list_scans(of_kept, Page::default()).await.unwrap();
        assert_eq!(ids(listing, |scan| scan.id), [own, scan]);
        let found = database
            .list_patients(Some("mrn-17".to_owned()), Page::default())
            .await
            .unwrap();
        assert_eq!(found.total, 1, "found by the identifier that it took over");

        assert_eq!(database.merge_patients(kept, other).await.unwrap(), None);
        assert_eq!(database.merge_patients(kept, kept).await.unwrap(), None);
    });
}

#[test]
fn a_study_whose_files_name_two_persons_is_kept_and_found_by_both() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let of_one = |name: &str, id: &str| identity(name, id, "ACC/9").study;
        let files = [of_one("PETROVA^ANNA", "MRN-17"), of_one("ИВАНОВ^Иван", "MRN-18")];
        let mixed = ScanIdentity {
            study: StudyIdentity::of_files(files.iter()),
            confirmed_conflicts: Vec::new(),
        };
        let scan = scan_of(database, None, mixed.clone()).await.id;
        let known = database.scan_identities(vec![scan]).await.unwrap();
        assert_eq!(known[&scan], mixed, "{}", side.name);
        for search in ["petrova", "иванов", "mrn-18"] {
            let query = StudyQuery {
                search: Some(search.to_owned()),
                ..StudyQuery::default()
            };
            let listing = database.list_studies(query, Page::default()).await.unwrap();
            assert_eq!(ids(listing, |row| row.scan.id), [scan], "{search}");
        }
    });
}
