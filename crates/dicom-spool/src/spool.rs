//! The folders of the spool.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

use norma_domain::{ScanId, SopInstanceUid, StudyInstanceUid};
use rustix::fs::{FlockOperation, flock};
use tempfile::TempPath;
use uuid::Uuid;

use crate::content::hold_same_data_set;
use crate::element_walk::{
    manufacturer, own_names, series_instance_uid, sop_class, source_title, study_instance_uid,
};
use crate::study_key::StudyKey;

const RECEIVING: &str = "receiving";
pub(crate) const INCOMING: &str = "incoming";
const TAKEN: &str = "taken";
const REFUSED: &str = "refused";
const REASON_FILE: &str = "reason.json";
const URGENT_FILE: &str = "urgent";
const PRIOR_FILE: &str = "prior";
pub(crate) const SUFFIX: &str = ".dcm";

/// Why an instance is not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    #[error("the instance names no study, or is not named itself")]
    Unnamed,
    #[error("the data set is another's than the request says")]
    DoesNotMatch,
    #[error("an instance of this name is here, with another data set")]
    OtherContent,
    #[error("the spool cannot be written to")]
    Io(#[from] io::Error),
}

/// Why an instance is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its study is to be looked at.
    Sent,
    /// It was pulled because its study is an earlier one of a patient.
    Prior,
}

/// A study on its way to the scan that it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenStudy {
    scan_id: ScanId,
    pub(crate) folder: PathBuf,
}

impl TakenStudy {
    /// Of the scan that this study becomes, however often its hand-over is begun.
    pub fn scan_id(&self) -> ScanId {
        self.scan_id
    }

    /// Its files by their SOP Instance UIDs.
    pub fn files(&self) -> io::Result<BTreeMap<String, PathBuf>> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if let Some(uid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.strip_suffix(SUFFIX))
            {
                files.insert(uid.to_owned(), entry.path());
            }
        }
        Ok(files)
    }

    /// Whether somebody has marked it so while it came.
    pub fn is_urgent(&self) -> bool {
        self.folder.join(URGENT_FILE).exists()
    }

    /// Whether all of it is here because it is an earlier study of a patient.
    pub fn is_prior(&self) -> bool {
        self.folder.join(PRIOR_FILE).exists()
    }

    /// Which study it is; None where no file of it says so any more.
    pub fn study(&self) -> io::Result<Option<StudyKey>> {
        match self.files()?.values().next() {
            Some(path) => study_of(path),
            None => Ok(None),
        }
    }
}

/// The spool of one process.
#[derive(Debug)]
pub struct Spool {
    pub(crate) folder: PathBuf,
    /// Held for writing while a study is taken: an instance comes before or after that.
    pub(crate) taking: RwLock<()>,
    /// Held while a study is begun or marked.
    marking: Mutex<()>,
    /// Locked as long as this lives.
    _lock: File,
}

impl Spool {
    /// Opens the spool, makes its folders, readable for this user alone, and empties what was on its way.
    ///
    /// # Errors
    /// Where another process has it open; where the disk fails.
    pub fn open(folder: &Path) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;

        let make = |path: &Path| fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        make(folder)?;
        let lock = File::create(folder.join("lock"))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
            let why = "another process receives into this folder (pacs.folder)";
            io::Error::new(io::Error::from(error).kind(), why)
        })?;
        let receiving = folder.join(RECEIVING);
        if receiving.exists() {
            fs::remove_dir_all(&receiving)?;
        }
        for name in [RECEIVING, INCOMING, TAKEN, REFUSED] {
            make(&folder.join(name))?;
        }
        sync(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            taking: RwLock::new(()),
            marking: Mutex::new(()),
            _lock: lock,
        })
    }

    /// Where files are written while they come; on the disk of the others.
    pub fn receiving(&self) -> PathBuf {
        self.folder.join(RECEIVING)
    }

    /// Keeps a file whose content is on the disk. When this returns its name is too, and it stays. One that is here already stays
    /// as it is. Blocks.
    ///
    /// # Errors
    /// [`KeepError::OtherContent`] where one of its name is here that is not the same.
    pub fn keep(
        &self,
        sop_instance_uid: &str,
        file: TempPath,
        standing: Standing,
    ) -> Result<StudyKey, KeepError> {
        // Letters, digits and a few marks: no path.
        let uid = SopInstanceUid::new(sop_instance_uid).map_err(|_| KeepError::Unnamed)?;
        let study = study_of(&file)?.ok_or(KeepError::Unnamed)?;
        let folder = self.folder.join(INCOMING).join(study.as_str());
        let _before_or_after = self.taking.read().unwrap_or_else(PoisonError::into_inner);
        let name = format!("{uid}{SUFFIX}");
        for taken in self.taken()? {
            let kept = taken.folder.join(&name);
            if kept.exists() && study_of(&kept)?.as_ref() == Some(&study) {
                must_be_same(&kept, &file)?;
            }
        }
        self.open_study(&folder, standing)?;
        let kept = folder.join(name);
        match file.persist_noclobber(&kept) {
            Ok(()) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                must_be_same(&kept, &error.path)?;
            }
            Err(error) => return Err(error.error.into()),
        }
        sync(&folder)?;
        Ok(study)
    }

    /// Makes the folder of a study that comes, marked as an earlier one if nothing of it was sent.
    fn open_study(&self, folder: &Path, standing: Standing) -> io::Result<()> {
        // One at a time: a mark that comes after what was sent would hide that.
        let _alone = self.marking.lock().unwrap_or_else(PoisonError::into_inner);
        match fs::create_dir(folder) {
            Ok(()) => {
                if standing == Standing::Prior {
                    File::create(folder.join(PRIOR_FILE))?.sync_all()?;
                }
                return sync(&self.folder.join(INCOMING));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        if standing == Standing::Sent {
            match fs::remove_file(folder.join(PRIOR_FILE)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The SOP classes of the instances of this name that are here and on their way to a scan. What was set aside is not.
    pub fn classes_of(&self, sop_instance_uid: &str) -> io::Result<Vec<String>> {
        let Ok(uid) = SopInstanceUid::new(sop_instance_uid) else {
            return Ok(Vec::new());
        };
        let name = format!("{uid}{SUFFIX}");
        // A study moves from one to the other while this looks: it is seen before or after.
        let _before_or_after = self.taking.read().unwrap_or_else(PoisonError::into_inner);
        let mut classes = Vec::new();
        for whole in [INCOMING, TAKEN] {
            let whole = self.folder.join(whole);
            for study in names_in(&whole)? {
                match File::open(whole.join(study).join(&name)) {
                    Ok(file) => classes.extend(sop_class(file)?),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(classes)
    }

    /// Marks a study that comes as urgent. One that is taken already stays as it is.
    pub fn mark_urgent(&self, study: &StudyKey) -> io::Result<()> {
        let _before_or_after = self.taking.read().unwrap_or_else(PoisonError::into_inner);
        let folder = self.folder.join(INCOMING).join(study.as_str());
        if folder.exists() && !folder.join(URGENT_FILE).exists() {
            File::create(folder.join(URGENT_FILE))?.sync_all()?;
            sync(&folder)?;
        }
        Ok(())
    }

    /// Studies that may get more instances.
    pub fn incoming(&self) -> io::Result<Vec<StudyKey>> {
        let names = names_in(&self.folder.join(INCOMING))?;
        Ok(names
            .iter()
            .filter_map(|name| StudyKey::from_name(name))
            .collect())
    }

    /// Takes a study out of those that come: what comes of it from now on is another set. None where there is none.
    pub fn take(&self, study: &StudyKey) -> io::Result<Option<TakenStudy>> {
        let scan_id = ScanId::generate();
        let folder = self.folder.join(TAKEN).join(scan_id.to_string());
        let _alone = self.taking.write().unwrap_or_else(PoisonError::into_inner);
        match fs::rename(self.folder.join(INCOMING).join(study.as_str()), &folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        sync(&self.folder.join(TAKEN))?;
        sync(&self.folder.join(INCOMING))?;
        Ok(Some(TakenStudy { scan_id, folder }))
    }

    /// Studies that were taken and are not finished, the oldest first.
    pub fn taken(&self) -> io::Result<Vec<TakenStudy>> {
        let folder = self.folder.join(TAKEN);
        let mut names = names_in(&folder)?;
        names.sort();
        let taken = names.into_iter().filter_map(|name| {
            Some(TakenStudy {
                scan_id: ScanId::from_uuid(Uuid::parse_str(&name).ok()?),
                folder: folder.join(name),
            })
        });
        Ok(taken.collect())
    }

    /// Forgets a study that is stored elsewhere.
    pub fn finish(&self, taken: &TakenStudy) -> io::Result<()> {
        fs::remove_dir_all(&taken.folder)?;
        sync(&self.folder.join(TAKEN))
    }

    /// Sets a study aside for a person, with the code that says why.
    pub fn refuse(&self, taken: &TakenStudy, code: &str) -> io::Result<()> {
        let mut reason = File::create(taken.folder.join(REASON_FILE))?;
        reason.write_all(&serde_json::to_vec(&serde_json::json!({ "code": code }))?)?;
        reason.sync_all()?;
        let refused = self.folder.join(REFUSED);
        fs::rename(&taken.folder, refused.join(taken.scan_id.to_string()))?;
        sync(&refused)?;
        sync(&self.folder.join(TAKEN))
    }

    /// How many studies are set aside.
    pub fn refused(&self) -> io::Result<usize> {
        Ok(names_in(&self.folder.join(REFUSED))?.len())
    }
}

/// Whether the data set of a file is the instance that the file says before it, and of its class.
///
/// # Errors
/// [`KeepError::Unnamed`] where the data set names no instance, [`KeepError::DoesNotMatch`] where it names another one or is of another
/// class.
pub fn check_names(file: &Path, sop_class_uid: &str, sop_instance_uid: &str) -> Result<(), KeepError> {
    let [class, own] = own_names(File::open(file)?)?.map(|uid| uid.filter(|uid| !uid.is_empty()));
    if own.ok_or(KeepError::Unnamed)? != sop_instance_uid || class.is_some_and(|class| class != sop_class_uid)
    {
        return Err(KeepError::DoesNotMatch);
    }
    Ok(())
}

/// Whose equipment made a received file, (0008,0070); None where it does not say. Blocks.
pub fn manufacturer_of(path: &Path) -> io::Result<Option<String>> {
    manufacturer(File::open(path)?)
}

/// The SOP class that a received file names; None where it does not say. Blocks.
pub fn sop_class_of(path: &Path) -> io::Result<Option<String>> {
    sop_class(File::open(path)?)
}

/// The series that a received file names; None where it does not say. Blocks.
pub fn series_of(path: &Path) -> io::Result<Option<String>> {
    series_instance_uid(File::open(path)?)
}

/// Who sent a received file, by AE title. Blocks.
pub fn source_of(path: &Path) -> io::Result<Option<String>> {
    source_title(File::open(path)?)
}

fn must_be_same(kept: &Path, file: &Path) -> Result<(), KeepError> {
    match hold_same_data_set(File::open(kept)?, File::open(file)?)? {
        true => Ok(()),
        false => Err(KeepError::OtherContent),
    }
}

/// Which study a received file is of; None where it does not say. Blocks.
pub fn study_of(path: &Path) -> io::Result<Option<StudyKey>> {
    Ok(study_uid_of(path)?.map(|uid| StudyKey::of(&uid)))
}

/// The Study Instance UID that a received file names; None where it does not say. Blocks.
pub fn study_uid_of(path: &Path) -> io::Result<Option<StudyInstanceUid>> {
    study_instance_uid(File::open(path)?)
}

fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string().ok());
    }
    Ok(names)
}

/// Names are on the disk after this.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that is of a study and nothing more.
    fn file(spool: &Spool, study: &str) -> TempPath {
        file_with(spool, study, b"")
    }

    fn file_with(spool: &Spool, study: &str, rest: &[u8]) -> TempPath {
        let meta = b"\x02\0\x02\0UI\x04\x009.7\0\x02\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0";
        let mut bytes = vec![0; 128];
        bytes.extend(b"DICM\x02\0\0\0UL\x04\0");
        bytes.extend((meta.len() as u32).to_le_bytes());
        bytes.extend(meta);
        bytes.extend(b"\x20\0\x0D\0UI");
        bytes.extend((study.len() as u16).to_le_bytes());
        bytes.extend(study.bytes());
        bytes.extend(rest);
        let mut file = tempfile::NamedTempFile::new_in(spool.receiving()).unwrap();
        file.write_all(&bytes).unwrap();
        file.into_temp_path()
    }

    #[test]
    fn what_is_kept_stays_until_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        assert!(Spool::open(folder.path()).is_err(), "one process at a time");
        let study = spool.keep("1.2.3", file(&spool, "9.8"), Standing::Sent).unwrap();
        assert_eq!(
            spool.keep("1.2.4", file(&spool, "9.8"), Standing::Sent).unwrap(),
            study
        );
        spool.keep("1.2.4", file(&spool, "9.8"), Standing::Sent).unwrap();
        let other = spool.keep("1.2.3", file(&spool, "9.9"), Standing::Sent).unwrap();
        assert!(matches!(
            spool.keep("../up", file(&spool, "9.8"), Standing::Sent),
            Err(KeepError::Unnamed)
        ));
        assert!(matches!(
            spool.keep("1.2.5", file(&spool, ""), Standing::Sent),
            Err(KeepError::Unnamed)
        ));
        let on_its_way = file(&spool, "9.8").keep().unwrap();
        drop(spool);

        let spool = Spool::open(folder.path()).unwrap();
        assert!(!on_its_way.exists(), "nobody was told that it is here");
        let mut incoming = spool.incoming().unwrap();
        incoming.sort();
        let mut expected = vec![study.clone(), other.clone()];
        expected.sort();
        assert_eq!(incoming, expected);
        assert_eq!(spool.classes_of("1.2.4").unwrap(), ["9.7"]);
        assert_eq!(
            spool.classes_of("1.2.3").unwrap(),
            ["9.7", "9.7"],
            "of two studies"
        );
        assert!(spool.classes_of("1.2.5").unwrap().is_empty());
        assert!(spool.classes_of("../up").unwrap().is_empty());
        let is_other = |kept| matches!(kept, Err(KeepError::OtherContent));
        let other_content = || file_with(&spool, "9.8", b"\x20\0\x0E\0UI\x02\x001\0");
        assert!(is_other(spool.keep("1.2.4", other_content(), Standing::Sent)));
        spool.mark_urgent(&study).unwrap();
        let taken = spool.take(&study).unwrap().unwrap();
        assert!(taken.is_urgent());
        // Nothing of it comes now: there is nothing to mark.
        spool.mark_urgent(&study).unwrap();
        assert!(is_other(spool.keep("1.2.4", other_content(), Standing::Sent)));
        assert_eq!(
            spool.incoming().unwrap(),
            std::slice::from_ref(&other),
            "nothing of it is kept"
        );
        assert_eq!(spool.take(&study).unwrap(), None);
        assert_eq!(spool.classes_of("1.2.4").unwrap(), ["9.7"], "taken");
        // More of it is another set.
        spool.keep("1.2.5", file(&spool, "9.8"), Standing::Sent).unwrap();
        drop(spool);

        let spool = Spool::open(folder.path()).unwrap();
        let again = spool.taken().unwrap();
        assert_eq!(again.as_slice(), std::slice::from_ref(&taken), "the same scan");
        assert!(again[0].is_urgent());
        assert_eq!(taken.files().unwrap().len(), 2);
        assert_eq!(taken.study().unwrap(), Some(study.clone()));
        spool.finish(&taken).unwrap();
        let more = spool.take(&study).unwrap().unwrap();
        assert_eq!(more.files().unwrap().len(), 1);
        assert!(!more.is_urgent(), "the set before it was");
        spool.refuse(&more, "several_studies").unwrap();
        assert!(spool.taken().unwrap().is_empty());
        assert_eq!(spool.refused().unwrap(), 1);
        assert!(spool.classes_of("1.2.5").unwrap().is_empty(), "set aside");
        assert_eq!(spool.incoming().unwrap(), [other]);
    }

    #[test]
    fn an_earlier_study_that_is_sent_too_is_no_prior_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let prior = |uid, study| spool.keep(uid, file(&spool, study), Standing::Prior).unwrap();
        let sent = |uid, study| spool.keep(uid, file(&spool, study), Standing::Sent).unwrap();
        let first = prior("1.2.3", "9.8");
        prior("1.2.4", "9.8");
        let second = prior("1.2.3", "9.9");
        sent("1.2.4", "9.9");
        prior("1.2.5", "9.9");
        let third = sent("1.2.3", "9.7");
        prior("1.2.4", "9.7");
        drop(spool);
        let spool = Spool::open(folder.path()).unwrap();
        let is_prior = |study| spool.take(study).unwrap().unwrap().is_prior();
        assert!(is_prior(&first));
        assert!(!is_prior(&second), "somebody sent a part of it");
        assert!(!is_prior(&third));
    }
}
