//! A study of the spool as one archive.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, ZipArchive};

use crate::content::hold_same_data_set;
use crate::element_walk::{instance_before_data_set, sop_class};

const BUFFER_BYTES: usize = 256 << 10;
const SUFFIX: &str = ".dcm";

/// An archive that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedStudy {
    pub size_bytes: u64,
    /// SOP Instance UIDs.
    pub instances: BTreeSet<String>,
}

/// Stands for a set of instances: SHA-256 of their sorted SOP Instance UIDs, each with a line break, lower-case hexadecimal.
pub fn instances_sha256(instances: &BTreeSet<String>) -> String {
    let mut hash = Sha256::new();
    for uid in instances {
        hash.update(uid.as_bytes());
        hash.update(b"\n");
    }
    hex::encode(hash.finalize())
}

/// The instances of any archive of files, as they name themselves before their data sets: SOP classes by SOP Instance UIDs. Files
/// that name no instance are left out. Blocks.
pub fn named_instances(archive: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(archive)?))?;
    let mut instances = BTreeMap::new();
    for index in 0..archive.len() {
        if let Some((instance, class)) = instance_before_data_set(archive.by_index(index)?)? {
            instances.entry(instance).or_insert(class);
        }
    }
    Ok(instances)
}

/// What is held of an instance that comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    Nothing,
    /// It, with the same data set.
    Same,
    /// One with its SOP Instance UID and another data set.
    Other,
}

/// An archive that [`pack_study`] has written.
#[derive(Debug)]
pub struct EarlierStudy(ZipArchive<BufReader<File>>);

impl EarlierStudy {
    pub fn open(archive: &Path) -> io::Result<Self> {
        Ok(Self(ZipArchive::new(BufReader::new(File::open(archive)?))?))
    }

    /// SOP Instance UIDs.
    pub fn instances(&self) -> io::Result<BTreeSet<String>> {
        let mut instances = BTreeSet::new();
        for name in self.0.file_names() {
            instances.extend(name?.strip_suffix(SUFFIX).map(str::to_owned));
        }
        Ok(instances)
    }

    /// The SOP class of each instance by its SOP Instance UID, empty where its file does not say.
    pub fn classes(&mut self) -> io::Result<BTreeMap<String, String>> {
        let mut classes = BTreeMap::new();
        self.each(|uid, file| {
            classes.insert(uid, sop_class(file)?.unwrap_or_default());
            Ok(())
        })?;
        Ok(classes)
    }

    /// Gives each of its files, with its SOP Instance UID.
    pub(crate) fn each(
        &mut self,
        mut look: impl FnMut(String, &mut dyn io::Read) -> io::Result<()>,
    ) -> io::Result<()> {
        for index in 0..self.0.len() {
            let mut member = self.0.by_index(index)?;
            let uid = member.name()?.strip_suffix(SUFFIX).map(str::to_owned);
            if let Some(uid) = uid {
                look(uid, &mut member)?;
            }
        }
        Ok(())
    }

    /// What is held of an instance whose file is here.
    pub fn held(&mut self, sop_instance_uid: &str, file: &Path) -> io::Result<Held> {
        let member = match self.0.by_name(&format!("{sop_instance_uid}{SUFFIX}")) {
            Ok(member) => member,
            Err(ZipError::FileNotFound) => return Ok(Held::Nothing),
            Err(error) => return Err(error.into()),
        };
        Ok(match hold_same_data_set(member, File::open(file)?)? {
            true => Held::Same,
            false => Held::Other,
        })
    }
}

/// Writes the instances of an earlier archive, and the files, by SOP Instance UID, that are not among them. The same instances make
/// the same bytes; each is stored as it came first.
pub fn pack_study(
    files: &BTreeMap<String, PathBuf>,
    mut earlier: Option<&mut EarlierStudy>,
    out: &Path,
) -> io::Result<PackedStudy> {
    let known = earlier.as_deref().map(EarlierStudy::instances).transpose()?;
    let known = known.unwrap_or_default();
    let instances: BTreeSet<String> = files.keys().chain(&known).cloned().collect();
    let mut archive = ZipWriter::new(BufWriter::with_capacity(BUFFER_BYTES, File::create(out)?));
    for uid in &instances {
        let name = format!("{uid}{SUFFIX}");
        match (&mut earlier, files.get(uid)) {
            (Some(earlier), _) if known.contains(uid) => {
                archive.raw_copy_file(earlier.0.by_name(&name)?)?;
            }
            (_, Some(path)) => {
                let mut file = File::open(path)?;
                let is_large = file.metadata()?.len() > u64::from(u32::MAX / 2);
                let options = SimpleFileOptions::DEFAULT
                    .compression_method(CompressionMethod::Stored)
                    .large_file(is_large);
                archive.start_file(name, options)?;
                io::copy(&mut file, &mut archive)?;
            }
            (_, None) => {}
        }
    }
    let mut file = archive.finish()?;
    file.flush()?;
    Ok(PackedStudy {
        size_bytes: file.get_ref().metadata()?.len(),
        instances,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_added_to_earlier_ones() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            (name.to_owned(), path)
        };
        let first = folder.path().join("first.zip");
        let files = BTreeMap::from([file("1.2", "two"), file("1.1", "one")]);
        let packed = pack_study(&files, None, &first).unwrap();
        let mut earlier = EarlierStudy::open(&first).unwrap();
        assert_eq!(packed.instances, earlier.instances().unwrap());
        assert_eq!(earlier.held("1.3", &files["1.1"]).unwrap(), Held::Nothing);
        assert_eq!(packed.size_bytes, first.metadata().unwrap().len());
        let again = folder.path().join("again.zip");
        pack_study(&files, None, &again).unwrap();
        assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&again).unwrap());

        let second = folder.path().join("second.zip");
        let more = BTreeMap::from([file("1.3", "three"), file("1.2", "two anew")]);
        let all = pack_study(&more, Some(&mut earlier), &second).unwrap();
        assert_eq!(all.instances.len(), 3);
        let mut archive = EarlierStudy::open(&second).unwrap().0;
        for (name, content) in [("1.1", "one"), ("1.2", "two"), ("1.3", "three")] {
            let member = archive.by_name(&format!("{name}.dcm")).unwrap();
            assert_eq!(io::read_to_string(member).unwrap(), content);
        }
        assert_ne!(
            instances_sha256(&all.instances),
            instances_sha256(&packed.instances)
        );
    }
}
