//! A study of the spool as one archive.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, ZipArchive};

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

/// SOP Instance UIDs in an archive that [`pack_study`] has written.
pub fn instances_of_archive(archive: &Path) -> io::Result<BTreeSet<String>> {
    instances_in(&open(archive)?)
}

fn instances_in(archive: &ZipArchive<BufReader<File>>) -> io::Result<BTreeSet<String>> {
    let mut instances = BTreeSet::new();
    for name in archive.file_names() {
        instances.extend(name?.strip_suffix(SUFFIX).map(str::to_owned));
    }
    Ok(instances)
}

/// Writes the files, by SOP Instance UID, to an archive, with those of an earlier one that are not among them. The same
/// instances make the same bytes; each is stored as it came.
pub fn pack_study(
    files: &BTreeMap<String, PathBuf>,
    earlier: Option<&Path>,
    out: &Path,
) -> io::Result<PackedStudy> {
    let mut earlier = earlier.map(open).transpose()?;
    let mut instances: BTreeSet<String> = files.keys().cloned().collect();
    if let Some(earlier) = &earlier {
        instances.extend(instances_in(earlier)?);
    }
    let mut archive = ZipWriter::new(BufWriter::with_capacity(BUFFER_BYTES, File::create(out)?));
    for uid in &instances {
        let name = format!("{uid}{SUFFIX}");
        if let Some(path) = files.get(uid) {
            let mut file = File::open(path)?;
            let is_large = file.metadata()?.len() > u64::from(u32::MAX / 2);
            let options = SimpleFileOptions::DEFAULT
                .compression_method(CompressionMethod::Stored)
                .large_file(is_large);
            archive.start_file(name, options)?;
            io::copy(&mut file, &mut archive)?;
        } else if let Some(earlier) = &mut earlier {
            archive.raw_copy_file(earlier.by_name(&name)?)?;
        }
    }
    let mut file = archive.finish()?;
    file.flush()?;
    Ok(PackedStudy {
        size_bytes: file.get_ref().metadata()?.len(),
        instances,
    })
}

fn open(archive: &Path) -> io::Result<ZipArchive<BufReader<File>>> {
    Ok(ZipArchive::new(BufReader::new(File::open(archive)?))?)
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
        assert_eq!(packed.instances, instances_of_archive(&first).unwrap());
        assert_eq!(packed.size_bytes, first.metadata().unwrap().len());
        let again = folder.path().join("again.zip");
        pack_study(&files, None, &again).unwrap();
        assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&again).unwrap());

        let second = folder.path().join("second.zip");
        let more = BTreeMap::from([file("1.3", "three"), file("1.2", "two anew")]);
        let all = pack_study(&more, Some(&first), &second).unwrap();
        assert_eq!(all.instances.len(), 3);
        let mut archive = open(&second).unwrap();
        for (name, content) in [("1.1", "one"), ("1.2", "two anew"), ("1.3", "three")] {
            let member = archive.by_name(&format!("{name}.dcm")).unwrap();
            assert_eq!(io::read_to_string(member).unwrap(), content);
        }
        assert_ne!(
            instances_sha256(&all.instances),
            instances_sha256(&packed.instances)
        );
    }
}
