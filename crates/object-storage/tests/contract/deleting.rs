use bytes::Bytes;
use norma_domain::{AnalysisId, ScanId, Stage};
use norma_object_storage::{ObjectKey, Objects};

use crate::sides::on_both_sides;

async fn write(objects: &Objects, keys: &[ObjectKey]) {
    for key in keys {
        objects.put(*key, Bytes::from_static(b"x")).await.unwrap();
    }
}

#[test]
fn deleting_twice_is_deleting_once() {
    on_both_sides(|side| async move {
        let key = ObjectKey::Original(ScanId::generate());
        write(&side.objects, &[key]).await;
        side.objects.delete(key).await.unwrap();
        side.objects.delete(key).await.unwrap();
        assert!(!side.objects.exists(key).await.unwrap());
    });
}

#[test]
fn an_analysis_and_a_scan_go_with_everything_of_theirs_and_nothing_else() {
    on_both_sides(|side| async move {
        let objects = &side.objects;
        let (scan, other_scan) = (ScanId::generate(), ScanId::generate());
        let analyses = [AnalysisId::generate(), AnalysisId::generate()];
        let other = AnalysisId::generate();
        let of_analysis = |analysis| {
            [
                ObjectKey::PreparedSlices(analysis),
                ObjectKey::PreparedVolume(analysis),
                ObjectKey::StageMap(analysis, Stage::Anomaly),
                ObjectKey::StageMap(analysis, Stage::Classifier),
            ]
        };
        write(
            objects,
            &[ObjectKey::Original(scan), ObjectKey::Original(other_scan)],
        )
        .await;
        for analysis in analyses.into_iter().chain([other]) {
            write(objects, &of_analysis(analysis)).await;
        }
        objects.check().await.unwrap();
        assert_eq!(objects.list().await.unwrap().len(), 14);

        objects.delete_analysis(analyses[0]).await.unwrap();
        assert_eq!(objects.list().await.unwrap().len(), 10);
        objects.delete_scan(scan, &analyses).await.unwrap();

        let mut left = vec![ObjectKey::Original(other_scan)];
        left.extend(of_analysis(other));
        left.sort_by_key(ToString::to_string);
        assert_eq!(objects.list().await.unwrap(), left);
        objects.delete_scan(scan, &analyses).await.unwrap();
    });
}

#[tokio::test]
async fn a_folder_is_swept_of_what_dead_processes_left() {
    use std::time::Duration;

    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::folder(folder.path()).unwrap();
    let key = ObjectKey::Original(ScanId::generate());
    write(&objects, &[key]).await;
    let left = folder.path().join(format!("{key}#1"));
    std::fs::write(&left, "half").unwrap();

    let hour = Duration::from_secs(3600);
    assert_eq!(objects.delete_abandoned_uploads(hour).await.unwrap(), 0);
    assert!(left.exists());
    assert_eq!(objects.delete_abandoned_uploads(Duration::ZERO).await.unwrap(), 1);
    assert!(!left.exists());
    assert_eq!(objects.list().await.unwrap(), [key]);
}
