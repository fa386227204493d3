//! Object storage and database of an installation, looked at and brought together by a person.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use norma_service::{OrphanSearch, adopt_installation, list_orphans, register_orphans};

use super::encryption;
use super::installation::{COMMAND_LINE, objects_of, open};
use super::terminal::{answer, tell};
use crate::command_line::{Installation, Storage};

pub(crate) fn run(config: Option<&Path>, command: Storage) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("failed to start")?;
    runtime.block_on(async {
        match command {
            Storage::Orphans(of) => orphans(config, &of.installation).await,
            Storage::Adopt(of) => adopt(config, &of.installation).await,
            Storage::NewKey { id } => encryption::new_key(&id),
            Storage::Encrypt(of) => {
                let OrphanSearch { database, objects } = stores(config, &of.installation).await?;
                encryption::encrypt(&database, &objects).await
            }
        }
    })
}

/// Neither checks the installation's id: what does not belong together is what is to be mended.
async fn stores(config: Option<&Path>, installation: &Installation) -> anyhow::Result<OrphanSearch> {
    let (database, settings) = open(config, installation).await?;
    let objects = objects_of(&settings, installation)?;
    Ok(OrphanSearch { database, objects })
}

async fn orphans(config: Option<&Path>, installation: &Installation) -> anyhow::Result<ExitCode> {
    let search = stores(config, installation).await?;
    let mut count = 0_usize;
    list_orphans(&search, |orphan| {
        count += 1;
        match (orphan.stored, orphan.aside) {
            (Some(stored), _) => answer(&format!(
                "{}  {} bytes, written {}",
                orphan.key,
                stored.size_bytes,
                stored.written_at.format("%Y-%m-%dT%H:%M:%SZ")
            )),
            (None, Some(aside)) => answer(&format!("{}  set aside {}", orphan.key, aside.since)),
            (None, None) => answer(&orphan.key.to_string()),
        }
        Ok(())
    })
    .await?;
    tell(&format!(
        "{count} objects have no row; `norma storage adopt` gives the originals among them one"
    ));
    Ok(ExitCode::SUCCESS)
}

async fn adopt(config: Option<&Path>, installation: &Installation) -> anyhow::Result<ExitCode> {
    let search = stores(config, installation).await?;
    adopt_installation(&search.database, &search.objects).await?;
    let registered = register_orphans(&search, COMMAND_LINE).await?;
    for scan_id in &registered {
        answer(&scan_id.to_string());
    }
    tell(&format!(
        "database and object storage belong together; {} studies without a row have one now, without a patient",
        registered.len()
    ));
    Ok(ExitCode::SUCCESS)
}
