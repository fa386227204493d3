//! The two object storages that each test runs against.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use norma_encryption::KeyRing;
use norma_object_storage::{Encryption, Objects, S3Settings};
use norma_test_support::servers::S3;

/// A fresh, empty storage.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) objects: Objects,
    remains: Remains,
}

/// Where an upload that was not finished would leave something.
enum Remains {
    Folder(std::path::PathBuf),
    Bucket(&'static S3, String),
}

impl Side {
    fn folder(folder: &Path) -> Self {
        let folder = folder.join("objects");
        Self {
            name: "folder",
            objects: Objects::folder(&folder).unwrap(),
            remains: Remains::Folder(folder),
        }
    }

    fn s3(server: &'static S3) -> Self {
        let bucket = server.fresh_bucket();
        Self {
            name: "s3",
            objects: Objects::s3(&settings(server.endpoint(), bucket.clone())).unwrap(),
            remains: Remains::Bucket(server, bucket),
        }
    }

    /// The same, with encryption on.
    fn encrypted(mut self, name: &'static str) -> Self {
        self.objects = self.objects.encrypted(encryption(&["1"]));
        self.name = name;
        self
    }

    /// Files that are no objects, or uploads neither completed nor aborted.
    pub(crate) fn count_unfinished(&self) -> usize {
        match &self.remains {
            Remains::Folder(folder) => count_staged(folder),
            Remains::Bucket(server, bucket) => server.count_incomplete_uploads(bucket),
        }
    }
}

pub(crate) fn settings(endpoint: String, bucket: String) -> S3Settings {
    S3Settings {
        bucket,
        region: "us-east-1".to_owned(),
        endpoint: Some(endpoint),
        access_key_id: Some("norma".to_owned()),
        secret_access_key: Some("open-sesame".into()),
        connect_timeout: Duration::from_secs(5),
        answer_timeout: Duration::from_secs(15),
    }
}

fn count_staged(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            if entry.file_type().unwrap().is_dir() {
                count_staged(&entry.path())
            } else {
                usize::from(entry.file_name().to_string_lossy().contains('#'))
            }
        })
        .sum()
}

/// Keys of these ids, the same ones each time.
pub(crate) fn ring(ids: &[&str]) -> KeyRing {
    const KEYS: [(&str, &str); 2] = [
        ("1", "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="),
        ("2", "zc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc0="),
    ];
    let lines = ids.iter().map(|id| {
        let (_, key) = KEYS.iter().find(|(known, _)| known == id).unwrap();
        format!("{id} {key}\n")
    });
    KeyRing::parse(&lines.collect::<String>()).unwrap()
}

pub(crate) fn encryption(ids: &[&str]) -> Encryption {
    Encryption {
        keys: Arc::new(ring(ids)),
        accepts_plain: true,
    }
}

/// Runs a test against both sides, with encryption and without.
pub(crate) fn on_both_sides<F: Future<Output = ()>>(test: impl Fn(Side) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        test(Side::folder(&folder.path().join("plain"))).await;
        test(Side::folder(&folder.path().join("sealed")).encrypted("encrypted folder")).await;
        if let Some(server) = S3::shared() {
            test(Side::s3(server)).await;
            test(Side::s3(server).encrypted("encrypted s3")).await;
        }
    });
}
