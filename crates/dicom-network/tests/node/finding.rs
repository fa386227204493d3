//! C-FIND against an archive of odd answers.

use std::time::{Duration, Instant};

use norma_dicom_network::{NetworkError, Status, find_studies};

use crate::archive::{
    Archive, Ear, Heard, PATIENT_ROOT_FIND, STUDY_ROOT_FIND, Talk, element, find_limits, patient, study_of,
};

const FIND_RSP: u16 = 0x8020;
const PENDING: u16 = 0xFF00;

/// Answers each search with these data sets, each as pending, and then with `status`.
async fn answer(mut talk: Talk, ear: Ear, answers: Vec<Vec<u8>>, status: u16) {
    let (context, id) = talk.request(&ear).await;
    for (at, data_set) in answers.iter().enumerate() {
        let pending = if at % 2 == 0 { PENDING } else { 0xFF01 };
        talk.respond(context, FIND_RSP, id, pending, Some(data_set), None)
            .await;
    }
    talk.respond(context, FIND_RSP, id, status, None, None).await;
    talk.end(&ear).await;
}

#[tokio::test]
async fn what_is_not_asked_for_or_cannot_be_read_is_left_out() {
    let archive = Archive::start(&[STUDY_ROOT_FIND, PATIENT_ROOT_FIND], |talk, ear| {
        let garbage = vec![0x08, 0, 0x20, 0, 0xFF, 0xFF, 0xFF, 0x7F, b'2'];
        let deep = b"\x08\x00\x99\x11\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF".repeat(1000);
        let answers = vec![
            study_of("P-17", "1.2.3"),
            study_of("P-17", "1.2.3"),
            study_of("P-18", "1.2.4"),
            study_of("P-17", "not a uid"),
            element((0x0010, 0x0020), b"P-17"),
            garbage,
            deep,
            Vec::new(),
            study_of("P-17", "1.2.5"),
        ];
        answer(talk, ear, answers, 0)
    })
    .await;
    let found = find_studies(&archive.scu(), &patient("P-17"), find_limits(100))
        .await
        .unwrap();
    let uids: Vec<&str> = found
        .items
        .iter()
        .map(|study| study.study_instance_uid.as_str())
        .collect();
    assert_eq!(uids, ["1.2.3", "1.2.5"]);
    assert_eq!(found.left_out, 7);
    assert!(!found.is_cut);
    assert_eq!(archive.heard().last(), Some(&Heard::Release));
}

#[tokio::test]
async fn an_archive_that_refuses_is_told_apart() {
    for status in [0xA700, 0xA900, 0xC001, 0xFE00, 0x0122] {
        let archive = Archive::start(&[STUDY_ROOT_FIND], move |talk, ear| {
            answer(talk, ear, vec![study_of("P-17", "1.2.3")], status)
        })
        .await;
        let refused = find_studies(&archive.scu(), &patient("P-17"), find_limits(100)).await;
        assert!(
            matches!(refused, Err(NetworkError::Status(Status(told))) if told == status),
            "{refused:?}"
        );
    }
}

/// A hundred are wanted: the archive is told to stop; whether it does or not, no more is taken.
#[tokio::test]
async fn ten_thousand_answers_are_stopped() {
    for obeys in [true, false] {
        let archive = Archive::start(&[STUDY_ROOT_FIND], move |mut talk: Talk, ear: Ear| async move {
            let (context, id) = talk.request(&ear).await;
            for at in 0..10_000 {
                let data_set = study_of("P-17", &format!("1.2.{}", at + 1));
                talk.respond(context, FIND_RSP, id, PENDING, Some(&data_set), None)
                    .await;
                if obeys && at == 150 {
                    let cancel = talk.hear(&ear).await;
                    assert_eq!(cancel.number(0x0100), Some(0x0FFF));
                    assert_eq!(cancel.number(0x0120), Some(id));
                    talk.respond(context, FIND_RSP, id, 0xFE00, None, None).await;
                    return talk.end(&ear).await;
                }
            }
            while !matches!(talk.hear(&ear).await, Heard::Abort | Heard::Closed) {}
        })
        .await;
        let begun = Instant::now();
        let found = find_studies(&archive.scu(), &patient("P-17"), find_limits(100))
            .await
            .unwrap();
        assert_eq!(found.items.len(), 100);
        assert!(found.is_cut);
        assert!(begun.elapsed() < Duration::from_secs(15));
        let last = archive.heard().last().cloned();
        if obeys {
            assert_eq!(last, Some(Heard::Release));
        } else {
            assert_ne!(last, Some(Heard::Release));
        }
    }
}

#[tokio::test]
async fn a_search_that_takes_too_long_is_cut() {
    let archive = Archive::start(&[STUDY_ROOT_FIND], |mut talk: Talk, ear: Ear| async move {
        let (context, id) = talk.request(&ear).await;
        let data_set = study_of("P-17", "1.2.3");
        talk.respond(context, FIND_RSP, id, PENDING, Some(&data_set), None)
            .await;
        assert_eq!(talk.hear(&ear).await.number(0x0100), Some(0x0FFF));
        talk.respond(context, FIND_RSP, id, 0xFE00, None, None).await;
        talk.end(&ear).await;
    })
    .await;
    let mut limits = find_limits(100);
    limits.longest = Duration::from_millis(300);
    let found = find_studies(&archive.scu(), &patient("P-17"), limits)
        .await
        .unwrap();
    assert_eq!(found.items.len(), 1);
    assert!(found.is_cut);
}

#[tokio::test]
async fn an_association_that_is_lost_gives_nothing() {
    let archive = Archive::start(&[STUDY_ROOT_FIND], |mut talk: Talk, ear: Ear| async move {
        let (context, id) = talk.request(&ear).await;
        let data_set = study_of("P-17", "1.2.3");
        talk.respond(context, FIND_RSP, id, PENDING, Some(&data_set), None)
            .await;
    })
    .await;
    let lost = find_studies(&archive.scu(), &patient("P-17"), find_limits(100)).await;
    assert!(lost.is_err(), "half an answer is none");
}

/// Patient Root is asked by the patient alone; an archive that has no other model is asked nothing else.
#[tokio::test]
async fn an_archive_of_patients_is_asked_by_the_patient() {
    let archive = Archive::start(&[PATIENT_ROOT_FIND], |talk, ear| {
        answer(talk, ear, vec![study_of("P-17", "1.2.3")], 0)
    })
    .await;
    let found = find_studies(&archive.scu(), &patient("P-17"), find_limits(100)).await;
    assert_eq!(found.unwrap().items.len(), 1);
    let mut by_accession = patient("P-17");
    by_accession.accession_number = by_accession.patient_id.take();
    let refused = find_studies(&archive.scu(), &by_accession, find_limits(100)).await;
    assert!(
        matches!(refused, Err(NetworkError::NotAccepted { .. })),
        "{refused:?}"
    );
    let nobody = Archive::start(
        &[],
        |mut talk: Talk, ear: Ear| async move { talk.end(&ear).await },
    )
    .await;
    let refused = find_studies(&nobody.scu(), &patient("P-17"), find_limits(100)).await;
    assert!(
        matches!(refused, Err(NetworkError::NotAccepted { .. })),
        "{refused:?}"
    );
}
