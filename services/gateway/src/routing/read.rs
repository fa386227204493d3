//! What rules go by, read from received files: one of each series, in the child process that reads uploads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use norma_database::Owner;
use norma_dicom_instances::{Attributes, InstanceIndex, Span};
use norma_dicom_spool::{pack_study, series_of, source_of};

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
    let index = match reader.index(&sender, &archive, &container).await {
        Ok(Some(index)) => index,
        Ok(None) => return Ok(facts),
        // Looked at as if there were no rules, rather than never.
        Err(error @ ApiError::Unavailable { .. }) => {
            tracing::warn!(
                error = format!("{:#}", anyhow::Error::new(error)),
                "what a study says is not known to the rules"
            );
            return Ok(facts);
        }
        Err(error) => return Err(error),
    };
    blocking(move || {
        for instance in metadata(&index, &container)? {
            facts.add(&instance);
        }
        Ok(facts)
    })
    .await
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

fn metadata(index: &InstanceIndex, container: &Path) -> io::Result<Vec<Attributes>> {
    let mut container = File::open(container)?;
    let mut all = Vec::new();
    for instance in &index.instances {
        let Span { offset, length } = instance.metadata;
        if length > LONGEST_METADATA {
            continue;
        }
        let mut json = Vec::new();
        container.seek(SeekFrom::Start(offset))?;
        (&mut container).take(length).read_to_end(&mut json)?;
        all.push(serde_json::from_slice(&json)?);
    }
    Ok(all)
}
