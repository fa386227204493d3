//! A node that receives into a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use norma_dicom_network::{
    Authorities, InstanceSink, MAX_PDU_LENGTH, ReceivedInstance, Scp, ScpLimits, ScpOptions, ScpTimeouts,
    ServerTls, StorageClasses, StorageSupport, StoreFailure,
};
use norma_domain::SopInstanceUid;
use norma_imaging::READABLE_TRANSFER_SYNTAXES;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::command_line::PacsReceive;
use crate::commands::blocking::block_on;
use crate::commands::terminal::tell;

pub(super) fn receive(arguments: &PacsReceive) -> anyhow::Result<ExitCode> {
    fs::create_dir_all(&arguments.out)
        .with_context(|| format!("failed to make {}", arguments.out.display()))?;
    let classes = if arguments.ct_only {
        StorageClasses::Ct
    } else {
        StorageClasses::All
    };
    let options = ScpOptions {
        tls: tls(arguments)?,
        ae_title: arguments.ae_title.clone(),
        peers: arguments.peers.clone(),
        support: StorageSupport::only(classes, &READABLE_TRANSFER_SYNTAXES),
        limits: ScpLimits {
            associations: arguments.associations,
            max_pdu_length: MAX_PDU_LENGTH,
            instance_bytes: arguments.instance_limit,
            free_floor_bytes: arguments.free_floor,
        },
        timeouts: ScpTimeouts::default(),
        folder: arguments.out.clone(),
    };
    let sink = Arc::new(Folder(arguments.out.clone()));
    block_on(async {
        let listener = TcpListener::bind(arguments.listen)
            .await
            .context("failed to listen")?;
        let address = listener
            .local_addr()
            .context("failed to learn the address listened on")?;
        tell(&format!("{} listens at {address}", arguments.ae_title));
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(Scp::new(options, sink).serve(listener, shutdown.clone()));
        tokio::signal::ctrl_c()
            .await
            .context("failed to listen for SIGINT")?;
        shutdown.cancel();
        serving.await.context("the node failed")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn tls(arguments: &PacsReceive) -> anyhow::Result<Option<ServerTls>> {
    let files = arguments
        .tls_certificate
        .as_deref()
        .zip(arguments.tls_key.as_deref());
    let Some((certificate, key)) = files else {
        return Ok(None);
    };
    let certificate = norma_gateway::server_certificate(certificate, key)?;
    let peers = arguments.tls_client_ca.as_deref().map(Authorities::of_file);
    let peers = peers.transpose().context("--tls-client-ca")?;
    ServerTls::new(certificate, peers)
        .context("--tls-certificate")
        .map(Some)
}

/// Files by their SOP Instance UIDs.
struct Folder(PathBuf);

#[async_trait]
impl InstanceSink for Folder {
    async fn accept(&self, instance: ReceivedInstance) -> Result<(), StoreFailure> {
        // Letters, digits and a few marks: no path.
        let uid =
            SopInstanceUid::new(&instance.sop_instance_uid).map_err(|_| StoreFailure::CannotUnderstand)?;
        let folder = self.0.clone();
        tokio::task::spawn_blocking(move || keep(&folder, &uid, instance))
            .await
            .map_err(|_| StoreFailure::Failed)?
            .map_err(|error| match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreFailure::OutOfResources,
                _ => StoreFailure::Failed,
            })
    }
}

/// Returns when the name, too, is on the disk.
fn keep(folder: &Path, uid: &SopInstanceUid, instance: ReceivedInstance) -> io::Result<()> {
    instance.file.persist(folder.join(format!("{uid}.dcm")))?;
    fs::File::open(folder)?.sync_all()
}
