//! Everything in one process, over a folder.

use std::path::Path;

use norma_domain::Stage;
use norma_service::{Process, Settings, announce_unfinished};

use super::installation::database_in;
use super::service::{spawn_gateway, spawn_shadow, spawn_worker};

/// Lets the settings name the database, the objects, the spool and what comes by DICOM in `folder`.
pub(super) fn keep_in(settings: &mut Settings, folder: &Path) {
    settings.database.url = database_in(folder).into();
    settings.objects.folder = folder.join("objects");
    settings.gateway.spool_folder = Some(folder.join("spool"));
    settings.pacs.folder = folder.join("pacs");
}

/// Starts the gateway and a worker of every stage in this process.
pub(super) async fn start(settings: Settings) -> anyhow::Result<Process> {
    let mut process = Process::start_embedded(settings).await?;
    announce_unfinished(&process.context()).await?;
    for stage in Stage::ALL {
        spawn_worker(&mut process, stage);
    }
    if process.context().settings.analysis.shadow.bundle.is_some() {
        spawn_shadow(&mut process);
    }
    spawn_gateway(&mut process);
    Ok(process)
}
