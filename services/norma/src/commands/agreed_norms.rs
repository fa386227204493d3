//! The studies of an installation that readers agreed to be norm, file by file.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use norma_database::NewAuditEvent;
use norma_domain::ScanId;
use norma_object_storage::{ObjectError, ObjectKey, Objects};
use norma_site::AgreedNorms as Agreed;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::installation::{COMMAND_LINE, objects_of};
use super::labelled::Site;
use super::terminal::{answer, tell};
use crate::command_line::Installation;

pub(crate) struct AgreedNorms {
    pub(crate) scans: Vec<ScanId>,
    objects: Objects,
    runtime: Runtime,
    /// One file at a time.
    scratch: TempDir,
}

impl AgreedNorms {
    /// # Errors
    /// Where no study was agreed to be norm.
    pub(crate) fn find(config: Option<&Path>, installation: &Installation) -> anyhow::Result<Self> {
        let runtime = Runtime::new().context("failed to start")?;
        let (agreed, objects) = runtime.block_on(async {
            let site = Site::open(config, installation).await?;
            let event = NewAuditEvent::of_system(COMMAND_LINE, "norm.fit");
            site.database.append_audit_events(vec![event]).await?;
            let agreed = Agreed::read(&site.answers).await;
            let agreed = agreed.context("failed to read the feedback")?;
            anyhow::Ok((agreed, objects_of(&site.settings, installation)?))
        })?;
        for (why, count) in &agreed.left_out {
            tell(&format!("left out: {count} {}", why.told()));
        }
        ensure!(
            !agreed.scans.is_empty(),
            "no study was agreed to be norm: readers say in the page what is true of studies"
        );
        answer(&format!("readers agreed that {} are norm", agreed.scans.len()));
        Ok(Self {
            scans: agreed.scans,
            objects,
            runtime,
            scratch: tempfile::tempdir().context("failed to make a scratch folder")?,
        })
    }

    /// The files of a study as they were uploaded, in the place of the study before it. None where they are not there any more.
    pub(crate) fn fetch(&self, scan: ScanId) -> anyhow::Result<Option<PathBuf>> {
        let file = self.scratch.path().join("study");
        let fetching = self.objects.get_to_file(ObjectKey::Original(scan), &file);
        match self.runtime.block_on(fetching) {
            Ok(_) => Ok(Some(file)),
            Err(ObjectError::NotFound(_)) => Ok(None),
            Err(error) => Err(error).context("failed to read a study from the object storage"),
        }
    }
}
