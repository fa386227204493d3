//! What rules go by, read from received files: one of each series, in the child process that reads uploads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use norma_database::Owner;
use norma_dicom_instances::{Attributes, InstanceIndex, Span};
use norma_dicom_spool::{pack_study, series_of, source_of};
use norma_service::RoutingWay;

use crate::gateway::Gateway;
use crate::problem::ApiError;
use crate::routing::facts::StudyFacts;
use crate::uploads::reader::UploadReader;
use crate::uploads::spool::{blocking, create_spool_file, storage_failure};

/// Of the metadata of an instance.
const LONGEST_METADATA: u64 = 16 << 20;

/// What the files of a study say, by their SOP Instance UIDs. A study that cannot be read says who sent it alone.
pub(crate) async fn read_facts(
    gateway: &Gateway,
    reader: &UploadReader,
    sender: Option<Owner>,
    files: &BTreeMap<String, PathBuf>,
) -> Result<StudyFacts, ApiError> {
    let folder = &gateway.options.spool_folder;
    let (_, archive) = create_spool_file(folder).map_err(storage_failure)?;
    let (_, container) = create_spool_file(folder).map_err(storage_failure)?;
    let files = files.clone();
    let (mut facts, archive) = blocking(move || {
        let (one_of_each, calling) = one_of_each_series(files)?;
        pack_study(&one_of_each, None, &archive)?;
        let facts = StudyFacts {
            calling,
            ..StudyFacts::default()
        };
        Ok((facts, archive))
    })
    .await?;
    facts.add_archive(reader, sender, &archive, &container).await?;
    Ok(facts)
}

/// What an upload of one study says.
pub(super) async fn read_upload(
    gateway: &Gateway,
    reader: &UploadReader,
    sender: Option<Owner>,
    (upload, came_by): (&Path, RoutingWay),
) -> Result<StudyFacts, ApiError> {
    let (_, container) = create_spool_file(&gateway.options.spool_folder).map_err(storage_failure)?;
    let mut facts = StudyFacts {
        came_by,
        ..StudyFacts::default()
    };
    facts.add_archive(reader, sender, upload, &container).await?;
    Ok(facts)
}

impl StudyFacts {
    /// Adds what one instance of each series of an archive says.
    async fn add_archive(
        &mut self,
        reader: &UploadReader,
        sender: Option<Owner>,
        archive: &Path,
        container: &Path,
    ) -> Result<(), ApiError> {
        let index = match reader.index(&sender, archive, container).await {
            Ok(Some(index)) => index,
            Ok(None) => return Ok(()),
            // Looked at as if there were no rules, rather than never.
            Err(error @ ApiError::Unavailable { .. }) => {
                tracing::warn!(
                    error = format!("{:#}", anyhow::Error::new(error)),
                    "what a study says is not known to the rules"
                );
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let container = container.to_owned();
        for instance in blocking(move || metadata(&index, &container)).await? {
            self.add(&instance);
        }
        Ok(())
    }
}

/// And who sent them.
fn one_of_each_series(
    files: BTreeMap<String, PathBuf>,
) -> io::Result<(BTreeMap<String, PathBuf>, BTreeSet<String>)> {
    let mut known = BTreeSet::new();
    let mut calling = BTreeSet::new();
    let mut chosen = BTreeMap::new();
    for (uid, path) in files {
        calling.extend(source_of(&path)?);
        // What names no series is looked at by itself.
        let series = series_of(&path)?.unwrap_or_else(|| uid.clone());
        if known.insert(series) {
            chosen.insert(uid, path);
        }
    }
    Ok((chosen, calling))
}

/// Of one instance of each series.
fn metadata(index: &InstanceIndex, container: &Path) -> io::Result<Vec<Attributes>> {
    let mut container = File::open(container)?;
    let mut all = Vec::new();
    let mut known = BTreeSet::new();
    for instance in &index.instances {
        let Span { offset, length } = instance.metadata;
        if length > LONGEST_METADATA || !known.insert(&instance.series_instance_uid) {
            continue;
        }
        let mut json = Vec::new();
        container.seek(SeekFrom::Start(offset))?;
        (&mut container).take(length).read_to_end(&mut json)?;
        all.push(serde_json::from_slice(&json)?);
    }
    Ok(all)
}
