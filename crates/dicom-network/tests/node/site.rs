//! A node that receives into a folder, and a study to send.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dicom_dictionary_std::uids;
use norma_dicom_network::{
    InstanceSink, OutgoingInstance, ReceivedInstance, Scp, ScpLimits, ScpOptions, ScpTimeouts, ScuOptions,
    StorageClasses, StorageSupport, StoreFailure,
};
use norma_test_support::{PhantomOptions, write_phantom_series};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
    pub(crate) accepted: Arc<AtomicUsize>,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

pub(crate) struct Keep {
    pub(crate) folder: PathBuf,
    pub(crate) accepted: Arc<AtomicUsize>,
}

#[async_trait]
impl InstanceSink for Keep {
    async fn accept(&self, instance: ReceivedInstance) -> Result<(), StoreFailure> {
        let name = format!("{}.dcm", instance.sop_instance_uid);
        instance.file.persist(self.folder.join(name)).unwrap();
        self.accepted.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl Node {
    pub(crate) async fn start(adjust: impl FnOnce(&mut ScpOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = ScpOptions {
            tls: None,
            ae_title: "NORMA".parse().unwrap(),
            peers: Vec::new(),
            support: StorageSupport {
                classes: StorageClasses::All,
                transfer_syntaxes: vec![
                    uids::IMPLICIT_VR_LITTLE_ENDIAN.to_owned(),
                    uids::EXPLICIT_VR_LITTLE_ENDIAN.to_owned(),
                ],
                other_transfer_syntaxes: false,
            },
            limits: ScpLimits {
                associations: 25,
                max_pdu_length: 16384,
                instance_bytes: 1 << 30,
                free_floor_bytes: 0,
            },
            timeouts: ScpTimeouts {
                request: Duration::from_millis(500),
                idle: Duration::from_secs(20),
                shutdown: Duration::from_secs(5),
            },
            folder: folder.path().to_owned(),
        };
        adjust(&mut options);
        let accepted = Arc::new(AtomicUsize::new(0));
        let sink = Keep {
            folder: folder.path().to_owned(),
            accepted: Arc::clone(&accepted),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(Scp::new(options, Arc::new(sink)).serve(listener, shutdown.clone()));
        Self {
            address,
            folder,
            accepted,
            shutdown,
            serving,
        }
    }

    pub(crate) fn scu(&self) -> ScuOptions {
        ScuOptions {
            tls: None,
            address: self.address.to_string(),
            called: "NORMA".parse().unwrap(),
            calling: "CT1".parse().unwrap(),
            max_pdu_length: 16384,
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(20),
        }
    }

    /// Names of all files in its folder, those under way too.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        files_in(self.folder.path())
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.serving.await.unwrap();
    }
}

pub(crate) fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// A small study of CT, as files.
pub(crate) fn study() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let options = PhantomOptions {
        size: 64,
        slices: 8,
        ..PhantomOptions::small()
    };
    write_phantom_series(&options, folder.path()).unwrap();
    folder
}

pub(crate) fn instances(folder: &Path) -> Vec<OutgoingInstance> {
    files_in(folder)
        .into_iter()
        .map(|file| OutgoingInstance::from_file(std::fs::read(file).unwrap()).unwrap())
        .collect()
}

/// The bytes behind the file meta information.
pub(crate) fn data_set(file: &Path) -> Vec<u8> {
    let bytes = std::fs::read(file).unwrap();
    let length = u32::from_le_bytes(bytes[140..144].try_into().unwrap()) as usize;
    bytes[144 + length..].to_vec()
}
