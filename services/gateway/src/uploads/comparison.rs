//! Whether an upload brings the instances of an earlier scan of its study again, or others under their names.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::DeflateDecoder;
use norma_dicom_instances::{IndexedInstance, InstanceIndex, Section};
use norma_dicom_spool::hold_same_data_set;
use norma_domain::ScanId;
use norma_object_storage::ObjectKey;
use tempfile::TempPath;

use crate::gateway::Gateway;
use crate::problem::ApiError;
use crate::uploads::Uploads;
use crate::uploads::receive::Upload;
use crate::uploads::sender::Sender;
use crate::uploads::spool::{blocking, create_spool_file, storage_failure};

/// A file that was sent, in the spool folder.
#[derive(Clone, Copy)]
pub(crate) struct SentFile<'a> {
    pub(crate) sender: &'a Sender,
    pub(crate) path: &'a Path,
    pub(crate) size_bytes: u64,
    /// Of the bytes as they came; None of a part of an upload.
    pub(crate) received_sha256: Option<&'a str>,
}

impl<'a> SentFile<'a> {
    pub(crate) fn of(upload: &'a Upload) -> Self {
        Self {
            sender: &upload.sender,
            path: &upload.path,
            size_bytes: upload.size_bytes,
            received_sha256: Some(&upload.received_sha256),
        }
    }
}

/// What of an upload an earlier scan holds, by SOP Instance UIDs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Instances whose UID stands for another data set there.
    pub(crate) other_content: usize,
    /// Instances that are not there.
    pub(crate) new: usize,
}

impl Comparison {
    /// Whether the earlier scan holds all of the upload.
    pub(crate) fn is_contained(self) -> bool {
        self == Self::default()
    }
}

/// Holds an upload against the original of a scan, instance by instance. None where either cannot be read, or holds none that can be named:
/// nothing is known then.
pub(crate) async fn compare_with_scan(
    gateway: &Gateway,
    uploads: &Uploads,
    sent: SentFile<'_>,
    earlier: ScanId,
) -> Result<Option<Comparison>, ApiError> {
    let original = ObjectKey::Original(earlier);
    let Some(bytes) = gateway.objects.size(original).await? else {
        return Ok(None);
    };
    // What lies in archives in archives is unpacked, of either.
    uploads.check_spool(bytes.saturating_mul(2).saturating_add(sent.size_bytes))?;
    let (_, earlier) = create_spool_file(&gateway.options.spool_folder).map_err(storage_failure)?;
    gateway.objects.get_to_file(original, &earlier).await?;
    let Some(held) = Instances::of(gateway, uploads, sent.sender, &earlier).await? else {
        return Ok(None);
    };
    let Some(sent) = Instances::of(gateway, uploads, sent.sender, sent.path).await? else {
        return Ok(None);
    };
    let compared = blocking(move || compare(&sent, &held)).await?;
    drop(earlier);
    Ok(Some(compared))
}

fn compare(sent: &Instances, held: &Instances) -> io::Result<Comparison> {
    let by_uid: HashMap<&str, &IndexedInstance> = held
        .index
        .instances
        .iter()
        .map(|instance| (instance.sop_instance_uid.as_str(), instance))
        .collect();
    let mut comparison = Comparison::default();
    for instance in &sent.index.instances {
        match by_uid.get(instance.sop_instance_uid.as_str()) {
            None => comparison.new += 1,
            Some(earlier) => {
                let is_same = hold_same_data_set(held.open(earlier)?, sent.open(instance)?)?;
                comparison.other_content += usize::from(!is_same);
            }
        }
    }
    Ok(comparison)
}

/// The instances of a file of the spool folder.
struct Instances {
    file: PathBuf,
    container: TempPath,
    index: InstanceIndex,
}

impl Instances {
    async fn of(
        gateway: &Gateway,
        uploads: &Uploads,
        sender: &Sender,
        file: &Path,
    ) -> Result<Option<Self>, ApiError> {
        let (_, container) = create_spool_file(&gateway.options.spool_folder).map_err(storage_failure)?;
        let index = uploads.reader.index(sender, file, &container).await?;
        Ok(index
            .filter(|index| !index.instances.is_empty())
            .map(|index| Self {
                file: file.to_owned(),
                container,
                index,
            }))
    }

    /// The file of an instance.
    fn open(&self, instance: &IndexedInstance) -> io::Result<Box<dyn Read>> {
        let place = instance.place;
        let mut file = match place.section {
            Section::Upload => File::open(&self.file)?,
            Section::Container => File::open(&self.container)?,
        };
        file.seek(SeekFrom::Start(place.span.offset))?;
        let stored = file.take(place.span.length);
        Ok(if place.is_deflated {
            Box::new(DeflateDecoder::new(io::BufReader::new(stored)).take(place.size))
        } else {
            Box::new(stored)
        })
    }
}
