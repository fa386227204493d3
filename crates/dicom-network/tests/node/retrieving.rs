//! C-MOVE and C-GET against an archive of odd answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use norma_dicom_network::{
    InstanceSink, Keeping, NetworkError, RetrievalEnd, Status, SubOperations, get_study, move_study,
};

use crate::archive::{Archive, Ear, Heard, STUDY_ROOT_GET, STUDY_ROOT_MOVE, Talk, retrieve_limits, wanted};
use crate::site::{Keep, data_set, files_in, instances, study};

const MOVE_RSP: u16 = 0x8021;
const GET_RSP: u16 = 0x8010;
const PENDING: u16 = 0xFF00;
const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

fn own() -> norma_dicom_network::AeTitle {
    "NORMA".parse().unwrap()
}

#[tokio::test]
async fn a_move_names_this_node_and_counts() {
    let archive = Archive::start(&[STUDY_ROOT_MOVE], |mut talk: Talk, ear: Ear| async move {
        let (context, id) = talk.request(&ear).await;
        let respond = |status, counts| (status, counts);
        for (status, counts) in [
            respond(PENDING, Some([7, 1, 0, 0])),
            respond(PENDING, None),
            respond(0xB000, Some([0, 6, 1, 1])),
        ] {
            talk.respond(context, MOVE_RSP, id, status, None, counts).await;
        }
        talk.end(&ear).await;
    })
    .await;
    let retrieval = move_study(&archive.scu(), &wanted(), &own(), &retrieve_limits())
        .await
        .unwrap();
    assert_eq!(retrieval.end, RetrievalEnd::Done);
    assert_eq!(retrieval.status, Status(0xB000));
    let expected = SubOperations {
        remaining: 0,
        completed: 6,
        failed: 1,
        warning: 1,
    };
    assert_eq!(retrieval.sub_operations, expected);
    let heard = archive.heard();
    let Heard::Command(_, elements) = &heard[0] else {
        panic!("{heard:?}")
    };
    let destination = elements.iter().find(|(element, _)| *element == 0x0600);
    assert_eq!(destination.unwrap().1, b"NORMA ");
    assert_eq!(heard.last(), Some(&Heard::Release));
}

#[tokio::test]
async fn what_an_archive_refuses_is_told() {
    for status in [0xA701, 0xA702, 0xA801, 0xA900, 0xC000] {
        let archive = Archive::start(&[STUDY_ROOT_MOVE], move |mut talk: Talk, ear: Ear| async move {
            let (context, id) = talk.request(&ear).await;
            let failed = b"\x08\x00\x58\x00\x04\x00\x00\x001.2\0";
            talk.respond(context, MOVE_RSP, id, status, Some(failed), Some([0, 0, 3, 0]))
                .await;
            talk.end(&ear).await;
        })
        .await;
        let refused = move_study(&archive.scu(), &wanted(), &own(), &retrieve_limits()).await;
        assert!(
            matches!(refused, Err(NetworkError::Status(Status(told))) if told == status),
            "{refused:?}"
        );
    }
}

/// Stopped by who asked, by the number of instances, and by time: the archive is told each time.
#[tokio::test]
async fn a_retrieval_is_cancelled_for_each_limit() {
    for end in [
        RetrievalEnd::Stopped,
        RetrievalEnd::TooMany,
        RetrievalEnd::TooLong,
    ] {
        let archive = Archive::start(&[STUDY_ROOT_MOVE], |mut talk: Talk, ear: Ear| async move {
            let (context, id) = talk.request(&ear).await;
            talk.respond(context, MOVE_RSP, id, PENDING, None, Some([900, 100, 0, 0]))
                .await;
            assert_eq!(talk.hear(&ear).await.number(0x0100), Some(0x0FFF));
            talk.respond(context, MOVE_RSP, id, 0xFE00, None, Some([890, 110, 0, 0]))
                .await;
            talk.end(&ear).await;
        })
        .await;
        let mut limits = retrieve_limits();
        match end {
            RetrievalEnd::TooMany => limits.instances = 999,
            RetrievalEnd::TooLong => limits.longest = Duration::from_millis(300),
            _ => {
                let stop = limits.stop.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    stop.cancel();
                });
            }
        }
        let retrieval = move_study(&archive.scu(), &wanted(), &own(), &limits)
            .await
            .unwrap();
        assert_eq!(retrieval.end, end);
        assert_eq!(retrieval.status, Status(0xFE00));
        assert_eq!(retrieval.sub_operations.completed, 110);
        assert_eq!(archive.heard().last(), Some(&Heard::Release));
    }
}

#[tokio::test]
async fn a_move_whose_association_is_lost_has_no_end() {
    let archive = Archive::start(&[STUDY_ROOT_MOVE], |mut talk: Talk, ear: Ear| async move {
        let (context, id) = talk.request(&ear).await;
        talk.respond(context, MOVE_RSP, id, PENDING, None, Some([7, 1, 0, 0]))
            .await;
    })
    .await;
    let lost = move_study(&archive.scu(), &wanted(), &own(), &retrieve_limits()).await;
    assert!(lost.is_err(), "{lost:?}");
    // A response to another request is none.
    let other = Archive::start(&[STUDY_ROOT_MOVE], |mut talk: Talk, ear: Ear| async move {
        let (context, id) = talk.request(&ear).await;
        talk.respond(context, MOVE_RSP, id + 1, 0, None, None).await;
        talk.end(&ear).await;
    })
    .await;
    let odd = move_study(&other.scu(), &wanted(), &own(), &retrieve_limits()).await;
    assert!(matches!(odd, Err(NetworkError::Unexpected)), "{odd:?}");
}

/// A folder, and what was kept there.
fn keep(folder: PathBuf) -> (Arc<dyn InstanceSink>, Arc<AtomicUsize>) {
    let accepted = Arc::new(AtomicUsize::new(0));
    let sink = Keep {
        folder,
        accepted: Arc::clone(&accepted),
    };
    (Arc::new(sink), accepted)
}

/// What comes over the association that asked is kept byte by byte; what finds no room, and what names no instance, is refused, and
/// the archive goes on.
#[tokio::test]
async fn a_get_keeps_what_comes_over_its_association() {
    let study = study();
    let sent = instances(study.path());
    let files = files_in(study.path());
    let (first, uids) = (
        data_set(&files[0]),
        [sent[0].sop_instance_uid.clone(), sent[1].sop_instance_uid.clone()],
    );
    let asked = uids.clone();
    let data = first.clone();
    let archive = Archive::start(&[STUDY_ROOT_GET, CT], move |mut talk: Talk, ear: Ear| {
        let (uids, data) = (asked.clone(), data.clone());
        async move {
            let (context, id) = talk.request(&ear).await;
            let storage = talk.context(CT);
            let long = vec![0; 40_000];
            let mut statuses = Vec::new();
            for (uid, bytes) in [
                (uids[0].as_str(), &data),
                (uids[1].as_str(), &long),
                ("../up", &data),
            ] {
                let command = [
                    (0x0002, [CT.as_bytes(), b"\0"].concat()),
                    (0x0100, 1_u16.to_le_bytes().to_vec()),
                    (0x0110, 9_u16.to_le_bytes().to_vec()),
                    (0x0700, 0_u16.to_le_bytes().to_vec()),
                    (0x0800, 1_u16.to_le_bytes().to_vec()),
                    (0x1000, uid.as_bytes().to_vec()),
                ];
                talk.command(storage, &command).await;
                for part in bytes.chunks(8000) {
                    let is_last = part.as_ptr_range().end == bytes.as_ptr_range().end;
                    talk.part(storage, is_last, part).await;
                }
                let answer = talk.hear(&ear).await;
                statuses.push(answer.number(0x0900).unwrap());
                talk.respond(context, GET_RSP, id, PENDING, None, Some([1, 1, 0, 0]))
                    .await;
            }
            assert_eq!(statuses, [0, 0xA700, 0xC000]);
            talk.respond(context, GET_RSP, id, 0xB000, None, Some([0, 1, 2, 0]))
                .await;
            talk.end(&ear).await;
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let (sink, accepted) = keep(folder.path().to_owned());
    let keeping = Keeping {
        folder: folder.path(),
        instance_bytes: 30_000,
        free_floor_bytes: 0,
        sink,
        transfer_syntaxes: &[
            "1.2.840.10008.1.2.1",
            "1.2.840.10008.1.2",
            "1.2.840.10008.1.2.4.70",
        ],
    };
    let retrieval = get_study(&archive.scu(), &wanted(), &keeping, &retrieve_limits())
        .await
        .unwrap();
    assert_eq!(retrieval.end, RetrievalEnd::Done);
    assert_eq!(retrieval.sub_operations.failed, 2);
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
    let kept = files_in(folder.path());
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(data_set(&kept[0]), first);
}
