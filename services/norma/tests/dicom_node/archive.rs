//! A PACS in this process: the application entity `ARCHIVE`.

use norma_dicom_network::{
    MAX_PDU_LENGTH, Scp, ScpLimits, ScpOptions, ScpTimeouts, StorageClasses, StorageSupport,
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Settings of a node that sends to a PACS at this port.
pub(crate) fn sends_to(port: u16) -> Vec<(&'static str, String)> {
    vec![
        (
            "NORMA__PACS__DESTINATIONS__ARCHIVE__AE_TITLE",
            "ARCHIVE".to_owned(),
        ),
        ("NORMA__PACS__DESTINATIONS__ARCHIVE__HOST", "127.0.0.1".to_owned()),
        ("NORMA__PACS__DESTINATIONS__ARCHIVE__PORT", port.to_string()),
    ]
}

/// Listens until it is told to stop. `provider`: makes what serves with these options.
pub(crate) async fn listen(port: u16, provider: impl FnOnce(ScpOptions) -> Scp) -> CancellationToken {
    let folder = TempDir::new().unwrap();
    let scp = provider(ScpOptions {
        tls: None,
        ae_title: "ARCHIVE".parse().unwrap(),
        peers: Vec::new(),
        support: StorageSupport::only(StorageClasses::All, &["1.2.840.10008.1.2.1"]),
        limits: ScpLimits {
            associations: 4,
            max_pdu_length: MAX_PDU_LENGTH,
            instance_bytes: 1 << 30,
            free_floor_bytes: 0,
        },
        timeouts: ScpTimeouts::default(),
        folder: folder.path().to_owned(),
    });
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let stopping = CancellationToken::new();
    let stopped = stopping.clone();
    tokio::spawn(async move {
        scp.serve(listener, stopped).await;
        drop(folder);
    });
    stopping
}
