//! How much of a study is here, what its instances say of how many there are, and what was found of that before it was taken.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::SystemTime;

use norma_domain::InstanceCount;
use zip::ZipArchive;

use crate::element_walk::{instance_before_data_set, source_title, stated_counts};
use crate::pack::EarlierStudy;
use crate::spool::{INCOMING, SUFFIX, Spool, TakenStudy, sync};
use crate::study_key::StudyKey;

const COUNT_FILE: &str = "count.json";

/// A file of a study that may get more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingInstance {
    pub path: PathBuf,
    pub came_at: SystemTime,
}

/// What an instance says of itself and of how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatedInstance {
    /// Who sent it, by AE title; None where that is not known.
    pub sent_by: Option<String>,
    pub series_instance_uid: Option<String>,
    /// (0020,1208).
    pub of_study: Option<u32>,
    /// (0020,1209).
    pub of_series: Option<u32>,
}

/// What a received file says. Blocks.
pub fn stated_by(instance: &IncomingInstance) -> io::Result<StatedInstance> {
    Ok(StatedInstance {
        sent_by: source_title(File::open(&instance.path)?)?,
        ..stated(File::open(&instance.path)?)?
    })
}

fn stated(file: impl Read) -> io::Result<StatedInstance> {
    let [series_instance_uid, of_study, of_series] = stated_counts(file)?;
    // 0 instances is none of those that say so.
    let number = |text: Option<String>| text?.parse().ok().filter(|number| *number > 0);
    Ok(StatedInstance {
        sent_by: None,
        series_instance_uid: series_instance_uid.filter(|uid| !uid.is_empty()),
        of_study: number(of_study),
        of_series: number(of_series),
    })
}

/// What the instances of any archive of files say, by the SOP Instance UIDs that they name before their data sets. Files that name no instance
/// are left out. Blocks.
pub fn stated_instances(archive: &Path) -> io::Result<BTreeMap<String, StatedInstance>> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(archive)?))?;
    let mut all = BTreeMap::new();
    for index in 0..archive.len() {
        let named = instance_before_data_set(archive.by_index(index)?)?;
        if let Some((uid, _)) = named {
            let stated = stated(archive.by_index(index)?)?;
            all.entry(uid).or_insert(stated);
        }
    }
    Ok(all)
}

impl EarlierStudy {
    /// What each of its instances says, by SOP Instance UID. Blocks.
    pub fn stated(&mut self) -> io::Result<BTreeMap<String, StatedInstance>> {
        let mut all = BTreeMap::new();
        self.each(|uid, file| {
            all.insert(uid, stated(file)?);
            Ok(())
        })?;
        Ok(all)
    }
}

impl Spool {
    /// What came of a study that may get more, by SOP Instance UID. Blocks.
    pub fn incoming_of(&self, study: &StudyKey) -> io::Result<BTreeMap<String, IncomingInstance>> {
        let mut instances = BTreeMap::new();
        let entries = match fs::read_dir(self.incoming_folder(study)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(instances),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            if let Some(uid) = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)) {
                let instance = IncomingInstance {
                    path: entry.path(),
                    came_at: entry.metadata()?.modified()?,
                };
                instances.insert(uid.to_owned(), instance);
            }
        }
        Ok(instances)
    }

    /// How many instances came of a study that may get more, and the file of one of them. Blocks.
    pub fn count_incoming(&self, study: &StudyKey) -> io::Result<(usize, Option<PathBuf>)> {
        let entries = match fs::read_dir(self.incoming_folder(study)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, None)),
            Err(error) => return Err(error),
        };
        let (mut count, mut first) = (0, None);
        for entry in entries {
            let entry = entry?;
            if entry
                .file_name()
                .to_str()
                .is_some_and(|name| name.ends_with(SUFFIX))
            {
                count += 1;
                first.get_or_insert_with(|| entry.path());
            }
        }
        Ok((count, first))
    }

    /// Notes how many instances of a study that comes are here, in place of what was noted before; None: nobody was to count. Blocks.
    pub fn note_count(&self, study: &StudyKey, count: Option<InstanceCount>) -> io::Result<()> {
        let _before_or_after = self.taking.read().unwrap_or_else(PoisonError::into_inner);
        let folder = self.incoming_folder(study);
        let path = folder.join(COUNT_FILE);
        match count {
            Some(count) => {
                let mut file = File::create(path)?;
                file.write_all(&serde_json::to_vec(&count)?)?;
                file.sync_all()?;
            }
            None => match fs::remove_file(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                removed => removed?,
            },
        }
        sync(&folder)
    }

    fn incoming_folder(&self, study: &StudyKey) -> PathBuf {
        self.folder.join(INCOMING).join(study.as_str())
    }
}

impl TakenStudy {
    /// How many of its instances were here when it was taken; None where nobody was to count. Blocks.
    pub fn count(&self) -> io::Result<Option<InstanceCount>> {
        match fs::read(self.folder.join(COUNT_FILE)) {
            Ok(json) => Ok(Some(serde_json::from_slice(&json)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use norma_domain::CountedBy;

    use super::*;
    use crate::spool::Standing;

    /// A file that says these in explicit VR.
    fn file(spool: &Spool, elements: &[(u32, &[u8; 2], &str)]) -> tempfile::TempPath {
        let mut bytes = vec![0; 128];
        let meta = b"\x02\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0\x02\0\x16\0AE\x04\0CT1 ";
        bytes.extend(b"DICM\x02\0\0\0UL\x04\0");
        bytes.extend((meta.len() as u32).to_le_bytes());
        bytes.extend(meta);
        for (tag, representation, value) in elements {
            let padded = format!("{value}{}", if value.len() % 2 == 1 { "\0" } else { "" });
            bytes.extend(((tag >> 16) as u16).to_le_bytes());
            bytes.extend((*tag as u16).to_le_bytes());
            bytes.extend(*representation);
            bytes.extend((padded.len() as u16).to_le_bytes());
            bytes.extend(padded.bytes());
        }
        let path = tempfile::NamedTempFile::new_in(spool.receiving())
            .unwrap()
            .into_temp_path();
        fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn what_is_stated_and_counted_is_there_across_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let study = (0x0020_000D, b"UI", "9.8");
        let series = (0x0020_000E, b"UI", "9.8.1");
        let counts = [(0x0020_1208, b"IS", "30"), (0x0020_1209, b"IS", "2")];
        let told = file(&spool, &[study, series, counts[0], counts[1]]);
        let key = spool.keep("1.2.3", told, Standing::Sent).unwrap();
        let silent = file(&spool, &[study, series, (0x0020_1208, b"IS", "many")]);
        spool.keep("1.2.4", silent, Standing::Sent).unwrap();
        let count = InstanceCount {
            came: 2,
            expected: Some(30),
            counted_by: CountedBy::Stated,
        };
        spool.note_count(&key, Some(count)).unwrap();
        drop(spool);

        let spool = Spool::open(folder.path()).unwrap();
        let incoming = spool.incoming_of(&key).unwrap();
        assert_eq!(incoming.keys().collect::<Vec<_>>(), ["1.2.3", "1.2.4"]);
        let (came, one) = spool.count_incoming(&key).unwrap();
        let is_incoming = incoming
            .values()
            .any(|instance| Some(&instance.path) == one.as_ref());
        assert_eq!((came, is_incoming), (2, true));
        assert!(incoming["1.2.3"].came_at.elapsed().unwrap().as_secs() < 600);
        let told = stated_by(&incoming["1.2.3"]).unwrap();
        assert_eq!(
            told,
            StatedInstance {
                sent_by: Some("CT1".to_owned()),
                series_instance_uid: Some("9.8.1".to_owned()),
                of_study: Some(30),
                of_series: Some(2),
            }
        );
        assert_eq!(stated_by(&incoming["1.2.4"]).unwrap().of_study, None);
        let taken = spool.take(&key).unwrap().unwrap();
        assert_eq!(taken.count().unwrap(), Some(count));
        assert_eq!(taken.files().unwrap().len(), 2, "the note is no instance");
        assert!(spool.incoming_of(&key).unwrap().is_empty());

        let more = file(&spool, &[study, series]);
        spool.keep("1.2.5", more, Standing::Sent).unwrap();
        spool.note_count(&key, Some(count)).unwrap();
        spool.note_count(&key, None).unwrap();
        assert_eq!(spool.take(&key).unwrap().unwrap().count().unwrap(), None);
    }
}
