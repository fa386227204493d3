use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use norma_domain::{AnalysisId, ScanId, Stage};
use norma_object_storage::{ObjectError, ObjectKey};
use sha2::{Digest as _, Sha256};

use crate::sides::on_both_sides;

/// Longer than a part of a multipart upload.
const LONG: usize = 20 << 20;

fn pattern(length: usize) -> Bytes {
    let mut state = 1_u32;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

fn chunks(bytes: &Bytes, size: usize) -> Vec<Result<Bytes, io::Error>> {
    bytes
        .chunks(size)
        .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
        .collect()
}

#[test]
fn what_is_put_is_got_and_replaced_as_a_whole() {
    on_both_sides(|side| async move {
        let key = ObjectKey::StageMap(AnalysisId::generate(), Stage::Anomaly);
        side.objects.put(key, Bytes::from_static(b"first")).await.unwrap();
        side.objects.put(key, Bytes::from_static(b"2nd")).await.unwrap();
        assert_eq!(side.objects.get(key).await.unwrap(), "2nd");
        assert_eq!(side.objects.size(key).await.unwrap(), Some(3));
    });
}

#[test]
fn a_stream_is_stored_with_its_size_and_hash() {
    on_both_sides(|side| async move {
        for length in [0, 1, LONG] {
            let (key, bytes) = (ObjectKey::Original(ScanId::generate()), pattern(length));
            let stream = stream::iter(chunks(&bytes, 70_001));
            let stored = side.objects.put_stream(key, stream, length as u64).await.unwrap();
            assert_eq!(stored.size_bytes, length as u64);
            assert_eq!(stored.sha256, hex::encode(Sha256::digest(&bytes)));
            assert!(side.objects.get(key).await.unwrap() == bytes, "{}", side.name);
        }
        assert_eq!(side.count_unfinished(), 0);
    });
}

#[test]
fn a_stream_over_the_limit_leaves_nothing() {
    on_both_sides(|side| async move {
        let key = ObjectKey::Original(ScanId::generate());
        let stream = stream::iter(chunks(&pattern(LONG), 1 << 20));
        let refused = side
            .objects
            .put_stream(key, stream, LONG as u64 - 1)
            .await
            .unwrap_err();
        assert!(matches!(refused, ObjectError::TooLarge { limit_bytes } if limit_bytes == LONG as u64 - 1));
        assert!(!refused.is_retryable());
        assert_eq!(side.objects.list().await.unwrap(), []);
        assert_eq!(side.count_unfinished(), 0);
    });
}

#[test]
fn a_stream_that_breaks_leaves_what_was_there_before() {
    on_both_sides(|side| async move {
        let key = ObjectKey::Original(ScanId::generate());
        side.objects
            .put(key, Bytes::from_static(b"before"))
            .await
            .unwrap();
        let mut parts = chunks(&pattern(LONG), 1 << 20);
        parts.push(Err(io::Error::from(io::ErrorKind::ConnectionReset)));
        let broken = side
            .objects
            .put_stream(key, stream::iter(parts), u64::MAX)
            .await
            .unwrap_err();
        assert!(matches!(broken, ObjectError::UploadBroken(_)), "{broken:?}");
        assert_eq!(side.objects.get(key).await.unwrap(), "before");
        assert_eq!(side.count_unfinished(), 0);
    });
}

#[test]
fn an_upload_is_invisible_until_it_is_complete_and_gone_when_it_is_dropped() {
    on_both_sides(|side| async move {
        let key = ObjectKey::Original(ScanId::generate());
        // Twelve megabytes come, then nothing: the client is slow.
        let stream = stream::iter(chunks(&pattern(12 << 20), 1 << 20)).chain(stream::pending());
        let upload = side.objects.put_stream(key, stream, u64::MAX);
        let waited = tokio::time::timeout(Duration::from_secs(2), async {
            tokio::join!(upload, async {
                while side.count_unfinished() == 0 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                assert_eq!(side.objects.size(key).await.unwrap(), None);
                assert_eq!(side.objects.list().await.unwrap(), []);
            })
        });
        assert!(waited.await.is_err(), "the upload cannot have ended");

        // The client has gone: the future was dropped.
        let mut patience = 100;
        while side.count_unfinished() > 0 {
            patience -= 1;
            assert!(patience > 0, "an upload was left behind on {}", side.name);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(side.objects.size(key).await.unwrap(), None);
    });
}

#[test]
fn writers_of_one_object_never_mix() {
    on_both_sides(|side| async move {
        let key = ObjectKey::PreparedSlices(AnalysisId::generate());
        let mut writers = tokio::task::JoinSet::new();
        for letter in b'a'..=b'd' {
            let objects = side.objects.clone();
            writers.spawn(async move {
                let bytes = Bytes::from(vec![letter; 9 << 20]);
                objects
                    .put_stream(key, stream::iter(chunks(&bytes, 1 << 20)), u64::MAX)
                    .await
            });
        }
        for written in writers.join_all().await {
            written.unwrap();
        }
        let bytes = side.objects.get(key).await.unwrap();
        assert_eq!(bytes.len(), 9 << 20);
        assert!(bytes.iter().all(|byte| *byte == bytes[0]), "{}", side.name);
        assert_eq!(side.count_unfinished(), 0);
    });
}

#[test]
fn files_go_in_and_out() {
    on_both_sides(|side| async move {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let bytes = pattern(9 << 20);
        std::fs::write(&from, &bytes).unwrap();
        let key = ObjectKey::PreparedVolume(AnalysisId::generate());

        let stored = side.objects.put_file(key, &from).await.unwrap();
        assert_eq!(stored.sha256, hex::encode(Sha256::digest(&bytes)));
        assert_eq!(side.objects.get_to_file(key, &to).await.unwrap(), 9 << 20);
        assert!(std::fs::read(&to).unwrap() == bytes);

        let missing = side.objects.put_file(key, &folder.path().join("missing")).await;
        assert!(matches!(missing, Err(ObjectError::LocalFile(_))));
        let folder_as_file = side.objects.put_file(key, folder.path()).await;
        assert!(matches!(folder_as_file, Err(ObjectError::LocalFile(_))));
        assert_eq!(side.objects.size(key).await.unwrap(), Some(9 << 20));
    });
}
