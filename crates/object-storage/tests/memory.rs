//! An upload takes constant memory. A process of its own, because the peak is the process's.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io;

use bytes::Bytes;
use futures::stream;
use norma_domain::ScanId;
use norma_object_storage::{ObjectKey, Objects};

const MIB: usize = 1 << 20;

/// The most memory that this process has had resident, in MiB.
fn peak_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    peak.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_of_half_a_gibibyte_takes_less_than_96_mib() {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::folder(folder.path()).unwrap();
    let key = ObjectKey::Original(ScanId::generate());
    let before = peak_mib();

    let parts = stream::iter(
        (0..512_u32).map(|number| Ok::<_, io::Error>(Bytes::from(vec![number.to_le_bytes()[0]; MIB]))),
    );
    let stored = objects.put_stream(key, parts, u64::MAX).await.unwrap();
    assert_eq!(stored.size_bytes, 512 * MIB as u64);
    let copy = folder.path().join("copy");
    objects.get_to_file(key, &copy).await.unwrap();

    let taken = peak_mib() - before;
    assert!(taken < 96, "{taken} MiB");
}
