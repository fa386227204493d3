//! Against the user in this crate.

use std::sync::atomic::Ordering;
use std::time::Duration;

use norma_dicom_network::{NetworkError, Scu, Status, StorageClasses};

use crate::site::{Node, data_set, files_in, instances, study};

#[tokio::test]
async fn instances_are_kept_byte_by_byte() {
    let node = Node::start(|_| {}).await;
    let study = study();
    let instances = instances(study.path());
    let mut scu = Scu::for_storage(&node.scu(), &instances).await.unwrap();
    for instance in &instances {
        scu.store(instance).await.unwrap();
    }
    scu.release().await.unwrap();
    for (file, instance) in files_in(study.path()).iter().zip(&instances) {
        let kept = node
            .folder
            .path()
            .join(format!("{}.dcm", instance.sop_instance_uid));
        assert_eq!(data_set(file), data_set(&kept));
    }
    assert_eq!(node.files().len(), instances.len());
    node.stop().await;
}

#[tokio::test]
async fn an_echo_is_answered_and_strangers_are_rejected() {
    let node = Node::start(|options| options.peers = vec!["CT1@127.0.0.1".parse().unwrap()]).await;
    let mut scu = Scu::for_verification(&node.scu()).await.unwrap();
    scu.echo().await.unwrap();
    scu.echo().await.unwrap();
    scu.release().await.unwrap();
    let mut other = node.scu();
    other.called = "OTHER".parse().unwrap();
    let mut stranger = node.scu();
    stranger.calling = "STRANGER".parse().unwrap();
    for (options, reason) in [(other, "called AE title"), (stranger, "calling AE title")] {
        match Scu::for_verification(&options).await {
            Err(NetworkError::Rejected(told)) => assert!(told.contains(reason), "{told}"),
            _ => panic!("a peer that is not known was let in"),
        }
    }
    node.stop().await;
}

#[tokio::test]
async fn associations_too_many_are_rejected_until_one_ends() {
    let node = Node::start(|options| options.limits.associations = 2).await;
    let first = Scu::for_verification(&node.scu()).await.unwrap();
    let _second = Scu::for_verification(&node.scu()).await.unwrap();
    match Scu::for_verification(&node.scu()).await {
        Err(NetworkError::Rejected(told)) => assert!(told.contains("local limit"), "{told}"),
        _ => panic!("a third association was accepted"),
    }
    first.release().await.unwrap();
    // Its place is free once the node has seen the end.
    let mut again = None;
    for _ in 0..50 {
        again = Scu::for_verification(&node.scu()).await.ok();
        if again.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    again.expect("a place is free again").echo().await.unwrap();
}

#[tokio::test]
async fn what_finds_no_room_is_refused_and_leaves_nothing() {
    let study = study();
    let instances = instances(study.path());
    let full = Node::start(|options| options.limits.free_floor_bytes = u64::MAX).await;
    let small = Node::start(|options| options.limits.instance_bytes = 5000).await;
    for node in [full, small] {
        let mut scu = Scu::for_storage(&node.scu(), &instances).await.unwrap();
        for instance in &instances {
            let refused = scu.store(instance).await;
            assert!(
                matches!(refused, Err(NetworkError::Status(Status::OUT_OF_RESOURCES))),
                "{refused:?}"
            );
        }
        scu.release().await.unwrap();
        assert_eq!(node.accepted.load(Ordering::SeqCst), 0);
        assert!(node.files().is_empty());
        node.stop().await;
    }
}

#[tokio::test]
async fn a_class_that_is_not_taken_is_not_accepted() {
    let node = Node::start(|options| options.support.classes = StorageClasses::Ct).await;
    let study = study();
    let mut others = instances(study.path());
    for instance in &mut others {
        instance.sop_class_uid = dicom_dictionary_std::uids::MR_IMAGE_STORAGE.to_owned();
    }
    let mut scu = Scu::for_storage(&node.scu(), &others).await.unwrap();
    let refused = scu.store(&others[0]).await;
    assert!(
        matches!(refused, Err(NetworkError::NotAccepted { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_instance_cut_off_leaves_nothing() {
    let node = Node::start(|_| {}).await;
    let study = study();
    let instances = instances(study.path());
    for instance in &instances {
        let mut scu = Scu::for_storage(&node.scu(), &instances).await.unwrap();
        // Dropped while it sends.
        let _ = tokio::time::timeout(Duration::from_micros(200), scu.store(instance)).await;
    }
    for _ in 0..100 {
        let under_way = node
            .files()
            .iter()
            .any(|file| file.extension().is_none_or(|extension| extension != "dcm"));
        if !under_way {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a file under way was left behind");
}
