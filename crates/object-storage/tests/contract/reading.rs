use bytes::Bytes;
use futures::TryStreamExt as _;
use norma_domain::{AnalysisId, ScanId};
use norma_object_storage::{ObjectError, ObjectKey};

use crate::sides::on_both_sides;

#[test]
fn what_is_not_there_is_not_found() {
    on_both_sides(|side| async move {
        let key = ObjectKey::PreparedSlices(AnalysisId::generate());
        let not_found = |error| matches!(error, ObjectError::NotFound(missing) if missing == key);
        assert!(not_found(side.objects.get(key).await.unwrap_err()));
        assert!(not_found(side.objects.get_range(key, 0..1).await.unwrap_err()));
        assert!(not_found(side.objects.get_stream(key, None).await.err().unwrap()));
        assert_eq!(side.objects.size(key).await.unwrap(), None);
        assert!(!side.objects.exists(key).await.unwrap());

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        assert!(not_found(side.objects.get_to_file(key, &file).await.unwrap_err()));
        assert!(!file.exists());
    });
}

#[test]
fn ranges_are_exact() {
    on_both_sides(|side| async move {
        let (objects, key) = (&side.objects, ObjectKey::Original(ScanId::generate()));
        objects.put(key, Bytes::from_static(b"0123456789")).await.unwrap();

        assert_eq!(objects.get_range(key, 0..10).await.unwrap(), "0123456789");
        assert_eq!(objects.get_range(key, 3..5).await.unwrap(), "34");
        assert_eq!(objects.get_range(key, 9..10).await.unwrap(), "9");
        for range in [5..5, 8..11, 10..12, 100..200] {
            let outside = objects.get_range(key, range.clone()).await.unwrap_err();
            assert!(
                matches!(outside, ObjectError::RangeOutside { .. }),
                "{range:?} on {}: {outside:?}",
                side.name
            );
            assert!(!outside.is_retryable());
        }
    });
}

#[test]
fn a_stream_says_what_comes() {
    on_both_sides(|side| async move {
        let (objects, key) = (&side.objects, ObjectKey::Original(ScanId::generate()));
        objects.put(key, Bytes::from_static(b"0123456789")).await.unwrap();

        for (asked, given, content) in [
            (None, 0..10, "0123456789"),
            (Some(2..4), 2..4, "23"),
            (Some(8..100), 8..10, "89"),
        ] {
            let stream = objects.get_stream(key, asked).await.unwrap();
            assert_eq!((stream.size_bytes, stream.range), (10, given));
            let parts: Vec<Bytes> = stream.bytes.try_collect().await.unwrap();
            assert_eq!(parts.concat(), content.as_bytes());
        }
        let outside = objects.get_stream(key, Some(10..12)).await.err().unwrap();
        assert!(matches!(outside, ObjectError::RangeOutside { .. }), "{outside:?}");
    });
}
